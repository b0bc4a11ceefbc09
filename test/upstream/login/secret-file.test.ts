import assert from 'node:assert/strict'
import { rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { secretFile } from '../../../src/upstream/login/secret-file.ts'
import { temporaryFolder } from '../../support/scope.ts'
import { until } from '../../support/until.ts'

test('a secret is read again after its file was replaced; at once when the old one was refused', async (t) => {
  const file = join(await temporaryFolder(t), 'password')
  await writeFile(file, 'one\n')
  const secret = secretFile(file)
  assert.equal(await secret.current(), 'one')
  await writeFile(`${file}.new`, 'two')
  await rename(`${file}.new`, file)
  secret.refused()
  assert.equal(await secret.current(), 'two')
  await writeFile(file, 'three, and longer')
  await until('the third one is read', async () => (await secret.current()) === 'three, and longer')
})

test('while the file is gone or empty, what it held is good', async (t) => {
  const file = join(await temporaryFolder(t), 'password')
  await writeFile(file, 'one')
  const secret = secretFile(file)
  await secret.current()
  await writeFile(file, '')
  secret.refused()
  assert.equal(await secret.current(), 'one')
  await rm(file)
  secret.refused()
  assert.equal(await secret.current(), 'one')
})

test('a file that was never read is named, with why', async (t) => {
  const file = join(await temporaryFolder(t), 'password')
  await assert.rejects(secretFile(file).current(), {
    code: 'UPSTREAM_UNAVAILABLE',
    message: /password holds nothing/,
  })
})

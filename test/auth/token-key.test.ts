import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readdir, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { loadTokenKey, TokenKeyError } from '../../src/auth/token-key.ts'
import { temporaryFolder } from '../support/scope.ts'

test('a key that is not there is made for its owner alone, and is the same the next time', async (t) => {
  const path = join(await temporaryFolder(t), 'certs', 'token.key')
  const made = await loadTokenKey(path)
  assert.equal((await stat(path)).mode & 0o777, 0o600)
  assert.deepEqual(await readdir(dirname(path)), ['token.key'])
  assert.equal((await loadTokenKey(path)).kid, made.kid)
})

test('workers that start at once agree on one key', async (t) => {
  const path = join(await temporaryFolder(t), 'token.key')
  const keys = await Promise.all(Array.from({ length: 5 }, () => loadTokenKey(path)))
  assert.equal(new Set(keys.map(({ kid }) => kid)).size, 1)
  assert.deepEqual(await readdir(dirname(path)), ['token.key'])
})

test('the key that openssl makes is accepted', async (t) => {
  const path = join(await temporaryFolder(t), 'token.key')
  execFileSync('openssl', ['ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', path])
  assert.match((await loadTokenKey(path)).kid, /^[\w-]{43}$/)
})

test('another kind of key, and what is none, is refused with the file’s name', async (t) => {
  const path = join(await temporaryFolder(t), 'token.key')
  const refused = (reason: RegExp): Promise<void> =>
    assert.rejects(loadTokenKey(path), (error) => {
      assert.ok(error instanceof TokenKeyError && error.message.includes(path))
      assert.match(error.message, reason)
      return true
    })
  execFileSync('openssl', ['ecparam', '-name', 'secp384r1', '-genkey', '-noout', '-out', path])
  await refused(/P-256/)
  execFileSync('openssl', ['genpkey', '-algorithm', 'ed25519', '-out', path])
  await refused(/P-256/)
  await writeFile(path, '')
  await refused(/can not be used/)
})

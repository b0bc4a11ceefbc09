import assert from 'node:assert/strict'
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import bcrypt from 'bcrypt'
import { ensureAdminAccount } from '../../src/cli/first-run.ts'
import { temporaryFolder } from '../support/scope.ts'

test('the account is made once, and only the hash of its password is kept', async (t) => {
  const folder = join(await temporaryFolder(t), 'config')
  const file = join(folder, 'htpasswd')
  const created = await ensureAdminAccount(file, 'admin')
  assert(created)
  assert.match(created.password, /^[A-Za-z0-9]{22}$/)
  const text = await readFile(file, 'utf8')
  assert.match(text, /^admin:\$2y\$12\$[./A-Za-z0-9]{53}\n$/)
  const hash = text.trim().replace('admin:$2y$', '$2b$')
  assert.equal(await bcrypt.compare(created.password, hash), true)
  assert.equal((await stat(file)).mode & 0o777, 0o600)
  assert.deepEqual(await readdir(folder), ['htpasswd'])
  assert.equal(await ensureAdminAccount(file, 'admin'), undefined)
  assert.equal(await readFile(file, 'utf8'), text)
})

test('a password file that exists is left alone, also an empty one', async (t) => {
  const file = join(await temporaryFolder(t), 'htpasswd')
  await writeFile(file, '')
  assert.equal(await ensureAdminAccount(file, 'admin'), undefined)
  assert.equal(await readFile(file, 'utf8'), '')
})

test('of several processes that start at once, one tells the password that counts', async (t) => {
  const file = join(await temporaryFolder(t), 'htpasswd')
  const results = await Promise.all([1, 2, 3].map(() => ensureAdminAccount(file, 'admin')))
  const [created, ...others] = results.filter((each) => each !== undefined)
  assert(created)
  assert.deepEqual(others, [])
  const hash = (await readFile(file, 'utf8')).trim().replace('admin:$2y$', '$2b$')
  assert.equal(await bcrypt.compare(created.password, hash), true)
})

import assert from 'node:assert/strict'
import { chmod, readdir, rename, rm, stat } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import { join } from 'node:path'
import { test } from 'node:test'
import type { AccountStore } from '../../../src/auth/accounts/account-store.ts'
import { createAccountStore } from '../../../src/auth/accounts/create-account-store.ts'
import { atEnd, temporaryFolder, type Scope } from '../../support/scope.ts'
import { accessToken } from './records.ts'
import { testAccountStore } from './store-contract.ts'

testAccountStore('sqlite', async (t) => {
  const file = await newFile(t)
  return [await open(t, file), await open(t, file)]
})

test('nothing is made before the first write; then only its owner can read it', async (t) => {
  const file = await newFile(t)
  const store = await open(t, file)
  await store.listTokens()
  await store.recordUses(['one'], new Date())
  await assert.rejects(stat(file), { code: 'ENOENT' })
  await store.saveToken(accessToken())
  const folder = join(file, '..')
  const modes = await Promise.all(
    (await readdir(folder)).map(async (name) => (await stat(join(folder, name))).mode & 0o777),
  )
  assert.ok(modes.length > 0)
  assert.deepEqual(new Set(modes), new Set([0o600]))
})

test('a database that was replaced by another is read in its place', async (t) => {
  const [file, other] = [await newFile(t), await newFile(t)]
  const store = await open(t, file)
  await store.saveToken(accessToken({ id: 'old' }))
  const { mark } = await store.readTokens()
  const restored = await open(t, other)
  await restored.saveToken(accessToken({ id: 'restored' }))
  await restored.close()
  await rm(`${file}-wal`)
  await rm(`${file}-shm`)
  await rename(other, file)
  const change = await store.readTokens(mark)
  assert.deepEqual([change.isComplete, change.tokens.map(({ id }) => id)], [true, ['restored']])
})

test('a database that was removed holds nothing', async (t) => {
  const file = await newFile(t)
  const store = await open(t, file)
  await store.saveToken(accessToken())
  const { mark } = await store.readTokens()
  await rm(file)
  const change = await store.readTokens(mark)
  assert.deepEqual([change.isComplete, change.tokens], [true, []])
})

test('a database of a newer version is refused and left alone', async (t) => {
  const file = await newFile(t)
  await (await open(t, file)).saveToken(accessToken())
  const database = new DatabaseSync(file)
  database.exec('PRAGMA user_version = 99')
  database.close()
  const store = await open(t, file)
  await assert.rejects(store.listTokens(), /newer version of dockgate/)
})

test('something else in the place of the database is refused', async (t) => {
  const store = await open(t, await temporaryFolder(t))
  await assert.rejects(store.saveToken(accessToken()), { code: 'ACCOUNT_STORE_UNAVAILABLE' })
})

test('a writer waits for another process without holding up its own', async (t) => {
  const file = await newFile(t)
  const store = await open(t, file)
  await store.saveToken(accessToken({ id: 'first' }))
  const busy = new DatabaseSync(file)
  t.after(() => busy.close())
  busy.exec('BEGIN IMMEDIATE')
  const saved = store.saveToken(accessToken({ id: 'second' }))
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal((await store.listTokens()).length, 1)
  busy.exec('COMMIT')
  await saved
  assert.equal((await store.listTokens()).length, 2)
})

async function newFile(t: Scope): Promise<string> {
  const folder = await temporaryFolder(t)
  await chmod(folder, 0o755)
  return join(folder, 'data', 'accounts.db')
}

async function open(t: Scope, file: string): Promise<AccountStore> {
  const store = await createAccountStore({ kind: 'file', file })
  atEnd(t, () => store.close())
  return store
}

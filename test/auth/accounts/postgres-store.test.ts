import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { before, test } from 'node:test'
import pg from 'pg'
import type { AccountStore } from '../../../src/auth/accounts/account-store.ts'
import { createAccountStore } from '../../../src/auth/accounts/create-account-store.ts'
import { freePort } from '../../support/port.ts'
import { startPostgres, type PostgresServer } from '../../support/postgres.ts'
import { atEnd, fileScope, temporaryFolder, type Scope } from '../../support/scope.ts'
import { until } from '../../support/until.ts'
import { accessToken } from './records.ts'
import { testAccountStore } from './store-contract.ts'

const scope = fileScope()
let server: PostgresServer
before(async () => {
  server = await startPostgres(scope)
})

testAccountStore('postgres', async (t) => {
  const url = await newDatabase()
  return [await open(t, url), await open(t, url)]
})

test('another node hears of a change', async (t) => {
  const url = await newDatabase()
  const [one, other] = [await open(t, url), await open(t, url)]
  await one.saveToken(accessToken({ id: 'first' }))
  let heard = 0
  other.onChange(() => (heard += 1))
  // The first call says that the listening has begun.
  await until('it listens', () => heard > 0)
  const before = heard
  await one.revokeToken('first', new Date(1))
  await until('it was told', () => heard > before)
})

test('nodes that start together make the tables once', async (t) => {
  const url = await newDatabase()
  const stores = await Promise.all(Array.from({ length: 4 }, () => open(t, url)))
  await Promise.all(stores.map((store) => store.saveToken(accessToken())))
  const epochs = await Promise.all(stores.map(async (store) => (await store.readTokens()).mark.epoch))
  assert.equal(new Set(epochs).size, 1)
  assert.equal((await stores[0]?.listTokens())?.length, 4)
})

test('a server that does not answer is an error within the time limit, and is used again when it does', async (t) => {
  const url = await newDatabase()
  const store = await open(t, url)
  await store.saveToken(accessToken())
  await server.freeze()
  try {
    await assert.rejects(store.listTokens(), { code: 'ACCOUNT_STORE_UNAVAILABLE' })
  } finally {
    await server.thaw()
  }
  await until('it answers again', async () => (await store.listTokens().catch(() => [])).length === 1)
})

test('what was answered outlives a crash of the server, and listeners come back', async (t) => {
  const url = await newDatabase()
  const store = await open(t, url)
  await store.saveToken(accessToken({ id: 'first' }))
  let heard = 0
  store.onChange(() => (heard += 1))
  await until('it listens', () => heard > 0)
  await store.revokeToken('first', new Date(1))
  const before = heard
  await server.restart()
  await until('it listens again', () => heard > before)
  const tokens = await until('it answers', () => store.listTokens().catch(() => undefined))
  assert.deepEqual(tokens[0]?.revokedAt, new Date(1))
})

test('a password is read from its file, and stands in no error', async (t) => {
  const passwordFile = join(await temporaryFolder(t), 'password')
  await writeFile(passwordFile, 'very secret\n')
  const url = `postgres://dockgate@127.0.0.1:${await freePort()}/postgres`
  const store = await createAccountStore({ kind: 'postgres', url, passwordFile })
  atEnd(t, () => store.close())
  await assert.rejects(store.listTokens(), (error) => {
    assert.ok(error instanceof Error)
    assert.match(error.message, /ECONNREFUSED/)
    assert.doesNotMatch(JSON.stringify(error, Object.getOwnPropertyNames(error)), /very secret/)
    return true
  })
})

let databases = 0

async function newDatabase(): Promise<string> {
  const name = `test_${(databases += 1)}`
  const client = new pg.Client({ connectionString: server.url })
  await client.connect()
  await client.query(`CREATE DATABASE ${name}`)
  await client.end()
  return server.url.replace(/\/postgres$/, `/${name}`)
}

async function open(t: Scope, url: string): Promise<AccountStore> {
  const store = await createAccountStore({ kind: 'postgres', url })
  atEnd(t, () => store.close())
  return store
}

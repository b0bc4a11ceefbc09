import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { LiveTokens } from '../../../src/auth/accounts/live-tokens.ts'
import { SettledTokens } from '../../../src/auth/accounts/settled-tokens.ts'
import { SqlAccountStore } from '../../../src/auth/accounts/sql-account-store.ts'
import { SqliteDatabase } from '../../../src/auth/accounts/sqlite-database.ts'
import { linkPeers } from '../../support/linked-peers.ts'
import { temporaryFolder } from '../../support/scope.ts'
import { accessToken } from './records.ts'

/** A primary and two workers on one store; none of them looks for changes by itself. */
async function processes(t: TestContext) {
  const link = linkPeers()
  const file = `${await temporaryFolder(t)}/accounts.db`
  return Promise.all(
    [link.primary, link.join(), link.join()].map(async (peers) => {
      const store = new SqlAccountStore(new SqliteDatabase({ file }))
      const tokens = await LiveTokens.open({ store, pollMs: 600_000, maxAgeMs: 600_000 })
      t.after(async () => {
        tokens.close()
        await store.close()
      })
      return { store, tokens, managed: new SettledTokens(store, tokens, peers) }
    }),
  )
}

test('a token is good in every process when its making is answered, and in none when its end is', async (t) => {
  const all = await processes(t)
  const [primary, worker] = all
  assert.ok(primary && worker)
  await primary.managed.saveToken(accessToken({ id: 'one' }))
  assert.deepEqual(
    all.map(({ tokens }) => tokens.get('one')?.id),
    ['one', 'one', 'one'],
  )
  assert.equal((await worker.managed.revokeToken('one', new Date()))?.id, 'one')
  assert.deepEqual(
    all.map(({ tokens }) => tokens.get('one')),
    [undefined, undefined, undefined],
  )
})

test('a process that can not read the store refuses every token instead of a revoked one', async (t) => {
  const all = await processes(t)
  const [primary, worker] = all
  assert.ok(primary && worker)
  await primary.managed.saveToken(accessToken({ id: 'one' }))
  await worker.store.close()
  await primary.managed.revokeToken('one', new Date())
  assert.equal(worker.tokens.isCurrent, false)
  assert.equal(worker.tokens.get('one'), undefined)
})

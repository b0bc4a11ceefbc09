import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ScopesCeiling } from '../../src/access/ceiling.ts'
import type { Identity } from '../../src/access/identity.ts'
import { InvalidCredentialError } from '../../src/auth/authenticator.ts'
import { VerifiedCredentials, type Verdict } from '../../src/auth/verified-credentials.ts'
import { parseScopes } from '../../src/oci/scope.ts'

const alice: Identity = { name: 'alice', method: 'basic' }

/** Decides in favour of alice and counts how often it was asked. */
function decider(verdict: Partial<Verdict> = {}): { decide: () => Promise<Verdict>; times: () => number } {
  let times = 0
  const decide = (): Promise<Verdict> => {
    times += 1
    return Promise.resolve({ identity: alice, lifeMs: 60_000, stillHolds: () => true, ...verdict })
  }
  return { decide, times: () => times }
}

test('a credential is decided once and answered at once from then on', async () => {
  const verified = new VerifiedCredentials()
  const { decide, times } = decider()
  assert.equal(await verified.identify('Basic x', decide), alice)
  assert.equal(verified.identify('Basic x', decide), alice)
  assert.equal(times(), 1)
  await verified.identify('Basic y', decide)
  assert.equal(times(), 2)
})

test('callers that come at the same time share one decision', async () => {
  const verified = new VerifiedCredentials()
  const { decide, times } = decider()
  await Promise.all(Array.from({ length: 20 }, async () => verified.identify('Basic x', decide)))
  assert.equal(times(), 1)
})

test('a failure is not remembered', async () => {
  const verified = new VerifiedCredentials()
  const refuse = (): Promise<Verdict> => Promise.reject(new InvalidCredentialError('wrong'))
  await assert.rejects(async () => verified.identify('Basic x', refuse), InvalidCredentialError)
  assert.equal(await verified.identify('Basic x', decider().decide), alice)
})

test('a verdict is forgotten when its time is over, however often it is used', async (t) => {
  let now = 1000
  t.mock.method(performance, 'now', () => now)
  const verified = new VerifiedCredentials()
  const { decide, times } = decider({ lifeMs: 100 })
  await verified.identify('Basic x', decide)
  now += 90
  assert.equal(verified.identify('Basic x', decide), alice)
  now += 20
  await verified.identify('Basic x', decide)
  assert.equal(times(), 2)
})

test('a verdict whose ground is gone counts no more, not even the one just made', async () => {
  const verified = new VerifiedCredentials()
  let holds = true
  const { decide, times } = decider({ stillHolds: () => holds })
  await verified.identify('Basic x', decide)
  holds = false
  await assert.rejects(async () => verified.identify('Basic x', decide), InvalidCredentialError)
  assert.equal(times(), 2)
})

test('the number of remembered verdicts is bounded', async () => {
  const verified = new VerifiedCredentials({ maxEntries: 2 })
  const { decide, times } = decider()
  for (const header of ['Basic a', 'Basic b', 'Basic c', 'Basic a']) await verified.identify(header, decide)
  assert.equal(times(), 4)
})

test('verdicts of many scopes are forgotten sooner, whatever their number', async () => {
  const verified = new VerifiedCredentials()
  const ceiling = new ScopesCeiling(
    parseScopes(Array.from({ length: 95 }, (_, index) => `repository:a/${index}:pull`)),
  )
  const { decide, times } = decider({ identity: { name: undefined, method: 'bearer', ceiling } })
  // Of tokens with one scope each, this many are remembered by far.
  for (let index = 0; index < 1000; index++) await verified.identify(`Bearer ${index}`, decide)
  await verified.identify('Bearer 0', decide)
  assert.equal(times(), 1001)
})

test('a verdict that weighs more than may be remembered is still an answer', async () => {
  const verified = new VerifiedCredentials({ maxBytes: 1000 })
  const { decide, times } = decider({
    identity: { ...alice, ceiling: new ScopesCeiling(parseScopes(['repository:a:pull'])) },
  })
  await verified.identify('Bearer x', decide)
  assert.equal((await verified.identify('Bearer x', decide)).name, 'alice')
  assert.equal(times(), 2)
})

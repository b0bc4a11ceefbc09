import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { AccountStoreError, type AccessToken } from '../../../src/auth/accounts/account-store.ts'
import { LiveTokens, type LiveTokensOptions } from '../../../src/auth/accounts/live-tokens.ts'
import { until } from '../../support/until.ts'
import { accessToken } from './records.ts'

test('tokens that live are known, others are not kept', async (t) => {
  const store = storeOf(
    accessToken({ id: 'good' }),
    accessToken({ id: 'revoked', revokedAt: new Date(1) }),
    accessToken({ id: 'expired', expiresAt: new Date(1) }),
  )
  const tokens = await open(t, { store })
  assert.equal(tokens.get('good')?.name, 'robot:ci')
  assert.equal(tokens.get('revoked'), undefined)
  assert.equal(tokens.get('expired'), undefined)
  assert.equal(tokens.size, 1)
})

test('a token expires at its time, whenever the store was read', async (t) => {
  let now = 1000
  const store = storeOf(accessToken({ id: 'short', expiresAt: new Date(2000) }))
  const tokens = await open(t, { store, now: () => now })
  assert.ok(tokens.get('short'))
  now = 2000
  assert.equal(tokens.get('short'), undefined)
  tokens.forgetExpired()
  assert.equal(tokens.size, 0)
})

test('what others change is noticed by looking, without being told', async (t) => {
  const store = storeOf(accessToken({ id: 'one' }))
  const tokens = await open(t, { store, pollMs: 5 })
  store.put(accessToken({ id: 'one', revokedAt: new Date(1) }), accessToken({ id: 'two' }))
  await until('the change is known', () => !tokens.get('one') && tokens.get('two'))
})

test('a change that is told of is read at once', async (t) => {
  const store = storeOf(accessToken({ id: 'one' }))
  const tokens = await open(t, { store, pollMs: 600_000 })
  store.put(accessToken({ id: 'two' }))
  store.tell()
  await until('the change is known', () => tokens.get('two'))
})

test('a change that is told of during a reading is read after it', async (t) => {
  const store = storeOf(accessToken({ id: 'one' }))
  const tokens = await open(t, { store, pollMs: 600_000 })
  store.tell()
  store.put(accessToken({ id: 'two' }))
  store.tell()
  await until('the change is known', () => tokens.get('two'))
})

test('who catches up knows what was kept before, even when a reading had begun', async (t) => {
  const store = storeOf()
  const tokens = await open(t, { store, pollMs: 600_000 })
  store.tell()
  store.put(accessToken({ id: 'new' }))
  await tokens.catchUp()
  assert.ok(tokens.get('new'))
})

test('another store in the place of the first replaces everything', async (t) => {
  const store = storeOf(accessToken({ id: 'one' }))
  const tokens = await open(t, { store, pollMs: 600_000 })
  store.replace(accessToken({ id: 'other' }))
  await tokens.catchUp()
  assert.equal(tokens.get('one'), undefined)
  assert.ok(tokens.get('other'))
})

test('when the store can not be read nothing is known soon, until it can', async (t) => {
  const store = storeOf(accessToken({ id: 'one' }))
  const told: string[] = []
  const onLost = () => told.push('lost')
  const onFound = () => told.push('found')
  const tokens = await open(t, { store, pollMs: 5, maxAgeMs: 50, onLost, onFound })
  store.isDown = true
  await until('nothing is known', () => !tokens.isCurrent)
  assert.equal(tokens.get('one'), undefined)
  store.isDown = false
  await until('it is known again', () => tokens.get('one'))
  assert.deepEqual(told, ['lost', 'found'])
})

test('a store that is down at first does not keep anybody from starting', async (t) => {
  const store = storeOf(accessToken({ id: 'one' }))
  store.isDown = true
  const tokens = await open(t, { store, pollMs: 5 })
  assert.equal(tokens.isCurrent, false)
  store.isDown = false
  await until('it is known', () => tokens.get('one'))
})

test('what must be known and can not be read ends every token, until it can', async (t) => {
  const store = storeOf(accessToken({ id: 'one' }))
  const tokens = await open(t, { store, pollMs: 5, maxAgeMs: 600_000 })
  store.isDown = true
  await tokens.settle()
  assert.equal(tokens.isCurrent, false)
  store.put(accessToken({ id: 'one', revokedAt: new Date(1) }), accessToken({ id: 'two' }))
  store.isDown = false
  await until('it is known', () => tokens.get('two'))
  assert.equal(tokens.get('one'), undefined)
})

test('a store that does not answer holds up nobody for longer than the patience', async (t) => {
  const store = storeOf(accessToken({ id: 'one' }))
  const tokens = await open(t, { store, pollMs: 600_000, patienceMs: 1 })
  store.readTokens = () => new Promise(() => {})
  await tokens.settle()
  assert.equal(tokens.get('one'), undefined)
})

/** A store whose changes come from elsewhere. */
function storeOf(...tokens: AccessToken[]) {
  let [epoch, revision, changes] = [1, 1, tokens]
  const listeners = new Set<() => void>()
  const store = {
    isDown: false,
    put: (...more: AccessToken[]) => {
      revision += 1
      changes = [...changes, ...more]
    },
    replace: (...others: AccessToken[]) => {
      epoch += 1
      changes = others
    },
    tell: () => {
      for (const listener of listeners) listener()
    },
    readTokens: async (mark) => {
      const found = [...changes]
      const now = { epoch: String(epoch), revision }
      await new Promise((resolve) => setImmediate(resolve))
      if (store.isDown) throw new AccountStoreError('it is down')
      const isComplete = mark?.epoch !== now.epoch
      return { mark: now, isComplete, tokens: found }
    },
    onChange: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  } satisfies LiveTokensOptions['store'] & Record<string, unknown>
  return store
}

async function open(t: TestContext, options: LiveTokensOptions): Promise<LiveTokens> {
  const tokens = await LiveTokens.open(options)
  t.after(() => tokens.close())
  return tokens
}

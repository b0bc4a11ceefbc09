import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { createTokenText } from '../../src/auth/accounts/token-text.ts'
import {
  AuthenticationBusyError,
  InvalidCredentialError,
  LoginThrottledError,
} from '../../src/auth/authenticator.ts'
import type { Login } from '../../src/auth/login-backend.ts'
import { LoginThrottle, type LoginThrottleOptions } from '../../src/auth/login-throttle.ts'
import type { Verdict } from '../../src/auth/verified-credentials.ts'

const HERE = '192.0.2.1'
const ELSEWHERE = '192.0.2.2'

interface Setting {
  /** One attempt: `in`, `wrong`, `busy`, or the seconds that it is put off. */
  readonly attempt: (name: string, password: string, network?: string) => Promise<string>
  /** Of the attempts, those that were looked at. */
  readonly asked: Login[]
  /** Where alice's password is; another one is wrong, and every other name is nobody's. */
  readonly accounts: Map<string, string>
  isBusy: boolean
  pass(ms: number): void
}

function start(t: TestContext, options?: LoginThrottleOptions): Setting {
  let now = 1_000_000
  t.mock.method(performance, 'now', () => now)
  const asked: Login[] = []
  const accounts = new Map([['alice', 'secret']])
  const check = async (login: Login): Promise<Verdict | undefined> => {
    asked.push(login)
    await Promise.resolve()
    if (setting.isBusy) throw new AuthenticationBusyError(2)
    const password = accounts.get(login.name)
    if (password === undefined) return undefined
    if (password !== login.password) throw new InvalidCredentialError('wrong')
    return { identity: { name: login.name, method: 'basic' }, lifeMs: 1000, stillHolds: () => true }
  }
  const throttle = new LoginThrottle({ check }, options)
  const attempt = async (name: string, password: string, network = HERE): Promise<string> => {
    try {
      return (await throttle.check({ name, password, network })) ? 'in' : 'wrong'
    } catch (error) {
      if (error instanceof LoginThrottledError) return String(error.retryAfterSeconds)
      if (error instanceof AuthenticationBusyError) return 'busy'
      assert(error instanceof InvalidCredentialError)
      return 'wrong'
    }
  }
  const pass = (ms: number): void => void (now += ms)
  const setting: Setting = { attempt, asked, accounts, isBusy: false, pass }
  return setting
}

/** So many wrong guesses, one after the other, none twice. */
async function guess({ attempt, asked }: Setting, times: number, name = 'alice'): Promise<string[]> {
  const [outcomes, before] = [[] as string[], asked.length]
  for (let index = 0; index < times; index++) outcomes.push(await attempt(name, `guess ${before + index}`))
  return outcomes
}

test('the same wrong password again and again is one mistake', async (t) => {
  const setting = start(t)
  for (let times = 0; times < 20; times++) assert.equal(await setting.attempt('alice', 'old'), 'wrong')
  assert.equal(await setting.attempt('alice', 'secret'), 'in')
  setting.accounts.set('alice', 'old')
  assert.equal(await setting.attempt('alice', 'old'), 'in')
})

test('a few mistakes cost nothing, and each further one costs twice the time of the one before', async (t) => {
  const setting = start(t)
  assert.deepEqual(await guess(setting, 6), ['wrong', 'wrong', 'wrong', 'wrong', 'wrong', '1'])
  for (const seconds of [1, 2, 4]) {
    const guessed = `after ${seconds} s`
    assert.equal(await setting.attempt('alice', guessed), String(seconds))
    setting.pass(seconds * 1000)
    assert.equal(await setting.attempt('alice', guessed), 'wrong')
  }
})

test('ID tokens are not counted: every job of a network comes by the same name', async (t) => {
  const { attempt } = start(t)
  const token = (text: string) => `eyJhbGciOiJFUzI1NiJ9.eyJ${text}.x`
  for (let count = 0; count < 20; count++) assert.equal(await attempt('oidc', token(`a${count}`)), 'wrong')
})

test('what is put off is not looked at, even when it is right', async (t) => {
  const setting = start(t)
  await guess(setting, 5)
  assert.equal(await setting.attempt('alice', 'secret'), '1')
  assert.equal(setting.asked.length, 5)
  setting.pass(1000)
  assert.equal(await setting.attempt('alice', 'secret'), 'in')
})

test('the delay ends at its maximum, however long somebody guesses', async (t) => {
  const setting = start(t, { freeFailures: 1, maxDelayMs: 8000 })
  for (let index = 0; index < 1100; index++) {
    await setting.attempt('alice', `guess ${index}`)
    setting.pass(8000)
  }
  await setting.attempt('alice', 'x')
  assert.equal(await setting.attempt('alice', 'x'), '8')
})

test('a name that nobody has is put off like one that somebody has', async (t) => {
  const setting = start(t)
  assert.deepEqual(await guess(setting, 7, 'mallory'), await guess(setting, 7, 'alice'))
})

test('the spellings that a directory takes for one name are one account, of which each guess counts', async (t) => {
  const { attempt } = start(t)
  const spellings = ['alice', 'ALICE', 'Alice ', ' a lice', 'alic\u00e9', 'ali\u00adce', '\uff41lice']
  const outcomes: string[] = []
  for (const name of spellings) outcomes.push(await attempt(name, `guess of ${name}`))
  assert.deepEqual(outcomes, ['wrong', 'wrong', 'wrong', 'wrong', 'wrong', '1', '1'])
})

test('guesses keep nobody out who comes from another network, and no other account', async (t) => {
  const setting = start(t)
  setting.accounts.set('bob', 'other')
  await guess(setting, 50)
  assert.equal(await setting.attempt('alice', 'secret', ELSEWHERE), 'in')
  assert.equal(await setting.attempt('bob', 'other'), 'in')
})

test('a site with many networks guesses no longer than eight of them could', async (t) => {
  const { attempt } = start(t)
  const networkAt = (index: number) => `2001:db8:1:${index.toString(16)}::/64`
  const outcomes: string[] = []
  for (let index = 0; index < 45; index++)
    outcomes.push(await attempt('alice', `guess ${index}`, networkAt(index)))
  assert.equal(outcomes.indexOf('1'), 40)
  assert.equal(await attempt('alice', 'secret', '2001:db8:2:0::/64'), 'in')
  assert.equal(await attempt('alice', 'secret', HERE), 'in')
})

test('who logged in from a network before can do so again, whoever guesses beside him', async (t) => {
  const setting = start(t)
  assert.equal(await setting.attempt('alice', 'secret'), 'in')
  await guess(setting, 50)
  assert.equal(await setting.attempt('alice', 'secret'), 'in')
  // And it opens the door to nobody else.
  assert.equal(await setting.attempt('alice', 'x'), '1')
})

test('a password that was good once and is no more is put off like any other', async (t) => {
  const setting = start(t)
  await setting.attempt('alice', 'secret')
  setting.accounts.set('alice', 'changed')
  await guess(setting, 5)
  assert.equal(await setting.attempt('alice', 'secret'), 'wrong')
  assert.equal(await setting.attempt('alice', 'secret'), '1')
})

test('a login that succeeds makes up for the mistakes before it', async (t) => {
  const setting = start(t)
  await guess(setting, 4)
  await setting.attempt('alice', 'secret')
  assert.deepEqual(await guess(setting, 6), ['wrong', 'wrong', 'wrong', 'wrong', 'wrong', '1'])
})

test('many guesses at once are not all the last free one', async (t) => {
  const setting = start(t)
  await Promise.all(Array.from({ length: 100 }, (_, index) => setting.attempt('alice', `guess ${index}`)))
  assert.equal(setting.asked.length, 5)
})

test('an attempt that could not be checked does not count', async (t) => {
  const setting = start(t)
  setting.isBusy = true
  assert.deepEqual(new Set(await guess(setting, 20)), new Set(['busy']))
  setting.isBusy = false
  assert.equal(await setting.attempt('alice', 'secret'), 'in')
})

test('after a quiet quarter of an hour all is forgotten', async (t) => {
  const setting = start(t)
  await guess(setting, 6)
  setting.pass(21 * 60_000)
  assert.deepEqual(await guess(setting, 6), ['wrong', 'wrong', 'wrong', 'wrong', 'wrong', '1'])
})

test('failures are remembered for a bounded number of names', async (t) => {
  const setting = start(t, { maxEntries: 10 })
  await guess(setting, 5)
  for (let index = 0; index < 10; index++) await setting.attempt(`name ${index}`, 'x')
  assert.equal(await setting.attempt('alice', 'x'), 'wrong')
})

test('access tokens and signed tokens are not put off: one that has ended keeps no good one out', async (t) => {
  const setting = start(t)
  const jwt = `eyJ${'a'.repeat(20)}.eyJ${'b'.repeat(20)}.c`
  for (const token of [createTokenText().text, jwt])
    for (let index = 0; index < 10; index++) assert.equal(await setting.attempt('alice', token), 'wrong')
  assert.equal(await setting.attempt('alice', 'secret'), 'in')
})

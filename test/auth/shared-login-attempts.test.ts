import assert from 'node:assert/strict'
import { test } from 'node:test'
import { InvalidCredentialError, LoginThrottledError } from '../../src/auth/authenticator.ts'
import { LoginThrottle } from '../../src/auth/login-throttle.ts'
import { sharedLoginAttempts } from '../../src/auth/shared-login-attempts.ts'
import { linkPeers } from '../support/linked-peers.ts'

const RIGHT = 'the right one'

/** Throttles of several workers before the same accounts: one attempt a turn, each by the next worker. */
async function linkedThrottles(count: number) {
  const link = linkPeers()
  await sharedLoginAttempts(link.primary, {})
  let looked = 0
  const check = async ({ password }: { password: string }) => {
    looked += 1
    if (password !== RIGHT) throw new InvalidCredentialError('wrong')
    const identity = { name: 'alice', method: 'basic' } as const
    return { identity, lifeMs: 1000, stillHolds: () => true }
  }
  const throttles: LoginThrottle[] = []
  for (let worker = 0; worker < count; worker += 1)
    throttles.push(new LoginThrottle({ check }, { attempts: await sharedLoginAttempts(link.join(), {}) }))
  let turn = 0
  const attempt = (password: string, name = 'alice'): Promise<string> => {
    const throttle = throttles[turn++ % count]
    assert.ok(throttle)
    return throttle.check({ name, password, network: '10.0.0.1/32' }).then(
      () => 'right',
      (error: unknown) => (error instanceof LoginThrottledError ? 'delayed' : 'wrong'),
    )
  }
  return { attempt, looked: () => looked }
}

test('who guesses at many processes has no more tries than at one', async () => {
  const { attempt, looked } = await linkedThrottles(4)
  const outcomes: string[] = []
  for (let guess = 0; guess < 12; guess += 1) outcomes.push(await attempt(`guess ${guess}`))
  assert.deepEqual(outcomes.slice(0, 6), [...Array.from({ length: 5 }, () => 'wrong'), 'delayed'])
  assert.equal(looked(), 5)
  assert.equal(await attempt('guess', 'bob'), 'wrong')
})

test('guesses at all processes at once are not all the last free one', async () => {
  const { attempt, looked } = await linkedThrottles(4)
  await Promise.all(Array.from({ length: 20 }, (_, guess) => attempt(`guess ${guess}`)))
  assert.equal(looked(), 5)
})

test('a password that one process found right is delayed by none', async () => {
  const { attempt } = await linkedThrottles(3)
  assert.equal(await attempt(RIGHT), 'right')
  for (let guess = 0; guess < 7; guess += 1) await attempt(`guess ${guess}`)
  assert.equal(await attempt('another guess'), 'delayed')
  for (let worker = 0; worker < 3; worker += 1) assert.equal(await attempt(RIGHT), 'right')
})

test('the same wrong password again is no guess, at whatever process', async () => {
  const { attempt } = await linkedThrottles(4)
  for (let time = 0; time < 20; time += 1) assert.equal(await attempt('an old secret'), 'wrong')
})

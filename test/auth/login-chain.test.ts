import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AuthenticationBusyError, InvalidCredentialError } from '../../src/auth/authenticator.ts'
import { BackendUnavailableError, type LoginBackend } from '../../src/auth/login-backend.ts'
import { LoginChain } from '../../src/auth/login-chain.ts'
import { Realm } from '../../src/auth/realm.ts'
import type { Verdict } from '../../src/auth/verified-credentials.ts'
import { parseRepositoryName } from '../../src/oci/repository-name.ts'
import { known } from '../support/known.ts'

interface Asked extends LoginBackend {
  times: number
}

/** A backend that answers every login in one way. */
function backend(name: string, answer: () => Promise<Verdict | undefined>): Asked {
  const asked: Asked = {
    name,
    times: 0,
    check() {
      asked.times++
      return answer()
    },
    stateOf: () => undefined,
  }
  return asked
}

const verdictOf = (name: string): Verdict => ({
  identity: { name, method: 'basic' },
  lifeMs: 1000,
  stillHolds: () => true,
})
const knows = (name: string) => backend(name, () => Promise.resolve(verdictOf(name)))
const knowsNobody = () => backend('empty', () => Promise.resolve(undefined))
const failing = (error: Error) => backend('failing', () => Promise.reject(error))
const login = { name: 'alice', password: 'secret' }

test('the first backend that knows the login decides, and the later ones are not asked', async () => {
  const [first, second] = [knows('first'), knows('second')]
  const verdict = await new LoginChain([knowsNobody(), first, second]).check(login)
  assert.equal(verdict?.identity.name, 'first')
  assert.equal(second.times, 0)
})

test('a login that no backend knows is nobody’s', async () => {
  assert.equal(await new LoginChain([knowsNobody(), knowsNobody()]).check(login), undefined)
})

test('a wrong password is wrong: no later backend may take the name for its own', async () => {
  const later = knows('later')
  const chain = new LoginChain([failing(new InvalidCredentialError('wrong')), later])
  await assert.rejects(chain.check(login), InvalidCredentialError)
  assert.equal(later.times, 0)
})

test('a backend that is down does not keep the others from knowing the caller', async () => {
  const down = failing(new BackendUnavailableError('no answer'))
  assert.equal((await new LoginChain([down, knows('up')]).check(login))?.identity.name, 'up')
})

test('while a backend is down, a login that the others do not know is not said to be wrong', async () => {
  const down = failing(new BackendUnavailableError('no answer'))
  await assert.rejects(new LoginChain([down, knowsNobody()]).check(login), BackendUnavailableError)
})

test('a backend that is too busy to decide ends the search: it may be the one that knows', async () => {
  const later = knows('later')
  const chain = new LoginChain([failing(new AuthenticationBusyError(2)), later])
  await assert.rejects(chain.check(login), AuthenticationBusyError)
  assert.equal(later.times, 0)
})

test('a login that nobody else can know is asked for nowhere else while its backend can not tell', async () => {
  const down = failing(new BackendUnavailableError('down', { isFinal: true }))
  const chain = new LoginChain([down, failing(new InvalidCredentialError('wrong'))])
  await assert.rejects(chain.check(login), { code: 'LOGIN_BACKEND_UNAVAILABLE' })
})

test('when nobody knows the login, one backend makes it cost what a wrong password costs', async () => {
  const asked: string[] = []
  const withDecoy = (name: string): LoginBackend => ({
    ...knowsNobody(),
    name,
    checkDecoy: () => Promise.resolve(asked.push(name)),
  })
  const [first, second] = [withDecoy('first'), withDecoy('second')]
  await new LoginChain([knowsNobody(), first, second]).check(login)
  assert.deepEqual(asked, ['first'])
  await new LoginChain([first, knows('later')]).check(login)
  const wrong = failing(new InvalidCredentialError('wrong'))
  await assert.rejects(new LoginChain([wrong, first]).check(login))
  await assert.rejects(
    new LoginChain([first, { ...wrong, checkDecoy: () => Promise.resolve() }]).check(login),
  )
  assert.deepEqual(asked, ['first'])
})

test('a wrong password costs the same when it is for a later backend, which computes no hash itself', async () => {
  const asked: string[] = []
  const hashing = { ...knowsNobody(), checkDecoy: () => Promise.resolve(asked.push('hash')) }
  const wrong = failing(new InvalidCredentialError('wrong'))
  await assert.rejects(new LoginChain([hashing, wrong]).check(login), InvalidCredentialError)
  assert.deepEqual(asked, ['hash'])
})

test('a backend is not asked where its realm does not apply, and its accounts stay within the realm', async () => {
  const app = parseRepositoryName('a/app')
  const ofA = { ...knows('of A'), realm: new Realm({ name: 'A', repositories: ['a/**'] }) }
  const ofB = { ...knows('of B'), realm: new Realm({ name: 'B', hosts: ['b.test'] }) }
  const chain = new LoginChain([ofA, ofB])
  const inA = await chain.check({ ...login, repository: app })
  assert.equal(inA?.identity.name, 'of A')
  assert.equal(inA?.identity.ceiling?.allows('pull', known(parseRepositoryName('b/app'))), false)
  const inB = await chain.check({ ...login, repository: parseRepositoryName('b/app'), host: 'b.test' })
  assert.equal(inB?.identity.name, 'of B')
  assert.equal(inB?.identity.ceiling, undefined)
  assert.equal(await chain.check({ ...login, repository: parseRepositoryName('b/app') }), undefined)
})

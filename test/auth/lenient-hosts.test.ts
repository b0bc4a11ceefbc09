import assert from 'node:assert/strict'
import { test } from 'node:test'
import { InvalidCredentialError } from '../../src/auth/authenticator.ts'
import { createAuthenticator } from '../../src/auth/create-authenticator.ts'
import { LenientHosts } from '../../src/auth/lenient-hosts.ts'
import type { Login, LoginBackend } from '../../src/auth/login-backend.ts'
import { parseRepositoryName } from '../../src/oci/repository-name.ts'
import { basic } from '../support/http.ts'

const repository = parseRepositoryName('docker.io/library/alpine') ?? assert.fail()
const mirror = { host: 'mirror.test:443', address: '192.0.2.1' }

/** Knows alice, and counts what it is asked. */
function start() {
  const [logins, decoys]: [Login[], Login[]] = [[], []]
  const backend: LoginBackend = {
    name: 'htpasswd',
    async check(login) {
      logins.push(login)
      if (login.name !== 'alice') return undefined
      if (login.password !== 'secret') throw new InvalidCredentialError('wrong')
      return { identity: { name: 'alice', method: 'basic' }, lifeMs: 1000, stillHolds: () => true }
    },
    checkDecoy: async (login) => void decoys.push(login),
    stateOf: () => 'x',
  }
  const lenientHosts = new LenientHosts(['mirror.test'])
  const throttle = { freeFailures: 2, firstDelayMs: 60_000 }
  return {
    logins,
    decoys,
    authenticator: createAuthenticator({ backends: [backend], throttle, lenientHosts }),
  }
}

test('a stranger may pull and nothing else, and is not challenged again', async () => {
  const { authenticator } = start()
  const stranger = await authenticator.authenticate(basic('hubuser', 'hub-secret'), mirror)
  assert.equal(stranger.name, undefined)
  assert.notEqual(stranger.method, 'anonymous')
  const may = (action: 'pull' | 'push' | 'delete') => stranger.ceiling?.allows(action, repository)
  assert.deepEqual([may('pull'), may('push'), may('delete')], [true, false, false])
  assert.equal(stranger.ceiling?.allowsCatalog, false)
})

test('elsewhere the same login is refused', async () => {
  for (const source of [{}, { host: 'registry.test' }, { host: 'mirror.test.evil.test' }])
    await assert.rejects(
      async () => start().authenticator.authenticate(basic('hubuser', 'hub-secret'), source),
      InvalidCredentialError,
    )
})

test('strangers cost no hash, are not slowed down, and are asked about each time: nothing of them is kept', async () => {
  const { authenticator, logins, decoys } = start()
  const times = Array.from({ length: 20 }, () => basic('hubuser', 'hub-secret'))
  for (const header of times) assert.equal((await authenticator.authenticate(header, mirror)).name, undefined)
  assert.equal(logins.length, times.length)
  assert.equal(decoys.length, 0)
})

test('a known name with a wrong password is refused, and slowed down, as ever', async () => {
  const { authenticator, logins } = start()
  const guess = async (word: string) => authenticator.authenticate(basic('alice', word), mirror)
  for (const word of ['1', '2', '3', '4']) await assert.rejects(guess(word))
  assert.equal(logins.length, 2)
  assert.equal((await start().authenticator.authenticate(basic('alice', 'secret'), mirror)).name, 'alice')
})

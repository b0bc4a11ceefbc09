import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import express from 'express'
import { ANONYMOUS, type Identity } from '../../src/access/identity.ts'
import { createPolicy } from '../../src/access/grants-policy.ts'
import { storeApi, type StoreOperation } from '../../src/admin/store-api.ts'
import { InvalidCredentialError, type Authenticator } from '../../src/auth/authenticator.ts'
import { RegistryError } from '../../src/oci/error.ts'
import { open, send, type RequestOptions } from '../support/http.ts'
import { atEnd } from '../support/scope.ts'
import { until } from '../support/until.ts'

const TOKEN = 'the-token-of-the-lock'

/** alice administers, bob does not; the password is the name. */
const AUTHENTICATOR: Authenticator = {
  authenticate(authorization): Identity {
    if (authorization === undefined) return ANONYMOUS
    const [scheme, value = ''] = authorization.split(' ')
    const [name, password] = Buffer.from(value, 'base64').toString().split(':')
    if (scheme !== 'Basic' || !name || name !== password) throw new InvalidCredentialError('wrong')
    return { name, method: 'basic' }
  },
}

async function start(t: TestContext, operations: Readonly<Record<string, StoreOperation>>): Promise<string> {
  const policy = createPolicy({ grants: [{ admin: ['alice'] }] })
  const stores = new Map([['main', operations]])
  const app = express().use(
    '/api',
    storeApi({
      authenticator: AUTHENTICATOR,
      policy,
      localToken: TOKEN,
      stores,
      clientAddress: () => '127.0.0.1',
    }),
  )
  const server = createServer(app).listen(0, '127.0.0.1')
  await once(server, 'listening')
  atEnd(t, () => server.closeAllConnections())
  atEnd(t, () => void server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/api`
}

function call(url: string, input: unknown, options: RequestOptions = {}) {
  return send(url, {
    method: 'POST',
    body: JSON.stringify(input),
    ...options,
    headers: { 'Content-Type': 'application/json', ...options.headers },
  })
}

const LOCAL = { headers: { Authorization: `Local ${TOKEN}` } }

async function* count(): AsyncGenerator<object, object, void> {
  yield { at: 1 }
  yield { at: 2 }
  return { all: 2 }
}

test('an operation is answered line by line, the result last', async (t) => {
  const url = await start(t, { count })
  const account = { username: 'alice', password: 'alice' }
  const answer = await call(`${url}/stores/main/count`, {}, { account })
  assert.equal(answer.status, 200)
  assert.equal(answer.headers['content-type'], 'application/x-ndjson')
  assert.deepEqual(
    answer
      .text()
      .trim()
      .split('\n')
      .map((line): unknown => JSON.parse(line)),
    [{ step: { at: 1 } }, { step: { at: 2 } }, { result: { all: 2 } }],
  )
  assert.deepEqual((await send(`${url}/stores`, { account })).json(), {
    stores: [{ name: 'main', operations: ['count'] }],
  })
})

test('only the admin grant and the token of the lock open it', async (t) => {
  const url = `${await start(t, { count })}/stores/main/count`
  const anonymous = await call(url, {})
  assert.equal(anonymous.status, 401)
  assert.equal(anonymous.headers['www-authenticate'], 'Basic realm="dockgate admin"')
  assert.equal((await call(url, {}, { account: { username: 'bob', password: 'bob' } })).status, 403)
  assert.equal((await call(url, {}, { account: { username: 'alice', password: 'no' } })).status, 401)
  assert.equal((await call(url, {}, { headers: { Authorization: 'Local guess' } })).status, 401)
  assert.equal((await call(url, {}, LOCAL)).status, 200)
})

test('what is refused before the first step has a status, what fails later is the last line', async (t) => {
  const url = await start(t, {
    async *refuse() {
      yield* []
      throw new RegistryError('NAME_UNKNOWN', 'no such repository')
    },
    async *fail() {
      yield { at: 1 }
      throw new Error('the disk is gone')
    },
  })
  const account = { username: 'alice', password: 'alice' }
  const refused = await call(`${url}/stores/main/refuse`, {}, { account })
  assert.equal(refused.status, 404)
  assert.equal(refused.json<{ errors: { code: string }[] }>().errors[0]?.code, 'NAME_UNKNOWN')
  const failed = await call(`${url}/stores/main/fail`, {}, { account })
  assert.match(failed.text(), /\n\{"error":\{"code":"UNKNOWN","message":"the disk is gone"\}\}\n$/)
})

test('a form of another site, an unknown operation and a prototype name are refused', async (t) => {
  const url = await start(t, { count })
  const account = { username: 'alice', password: 'alice' }
  const form = { account, headers: { 'Content-Type': 'text/plain' } }
  assert.equal((await call(`${url}/stores/main/count`, {}, form)).status, 415)
  for (const path of ['main/none', 'main/constructor', 'other/count', 'main/__proto__'])
    assert.equal((await call(`${url}/stores/${path}`, {}, { account })).status, 404)
  const broken = await send(`${url}/stores/main/count`, {
    method: 'POST',
    body: '{',
    account,
    headers: { 'Content-Type': 'application/json' },
  })
  assert.equal(broken.status, 400)
})

test('a caller that hangs up ends the work', async (t) => {
  let wasStopped = false
  const url = await start(t, {
    async *wait(_input, signal) {
      yield { at: 1 }
      await once(signal, 'abort')
      wasStopped = true
      return {}
    },
  })
  const response = await open(`${url}/stores/main/wait`, {
    method: 'POST',
    body: '{}',
    account: { username: 'alice', password: 'alice' },
    headers: { 'Content-Type': 'application/json' },
  })
  response.on('error', () => undefined)
  await once(response, 'data')
  response.destroy()
  await until('the work ends', () => wasStopped)
})

import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { text } from 'node:stream/consumers'
import {
  createUpstreamAccess,
  createUpstreamClient,
  type UpstreamClientOptions,
} from '../../../src/upstream/create-upstream-client.ts'
import { UpstreamDeniedError, UpstreamUnauthorizedError } from '../../../src/upstream/errors.ts'
import { credentialHelper } from '../../../src/upstream/login/credential-helper.ts'
import { loginOf, type Login, type LoginSource } from '../../../src/upstream/login/login-source.ts'
import { secretFile } from '../../../src/upstream/login/secret-file.ts'
import { basic } from '../../support/http.ts'
import { atEnd, temporaryFolder, type Scope } from '../../support/scope.ts'
import { until } from '../../support/until.ts'
import { reference, repository } from '../names.ts'
import { manifestBytes, startScriptedServer } from '../scripted-server.ts'
import { writeHelper } from './helper-program.ts'

const alpine = repository('library/alpine')
const latest = reference('latest')

function clientOf(t: Scope, options: UpstreamClientOptions) {
  const client = createUpstreamClient(options)
  atEnd(t, () => client.close())
  return client
}

/** A registry with Basic logins that says in words alone, as ECR does, when one is over. */
async function startBasicRegistry(t: Scope) {
  const state = { accepted: basic('AWS', 'one'), expired: '' }
  const registry = await startScriptedServer(t, (req, res) => {
    const { authorization } = req.headers
    if (authorization === state.accepted) return void res.end(manifestBytes())
    if (authorization === undefined)
      return void res.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end()
    const message =
      authorization === state.expired
        ? 'Your authorization token has expired. Reauthenticate and try again.'
        : 'no'
    res.writeHead(403).end(JSON.stringify({ errors: [{ code: 'DENIED', message }] }))
  })
  return { registry, state }
}

/** Logins of a list, the next one after each refusal. */
function loginsInTurn(...secrets: readonly string[]): LoginSource & { refusals: number } {
  const login = (): Login => ({
    kind: 'password',
    username: 'AWS',
    password: secrets[source.refusals] ?? 'none',
  })
  const source = { refusals: 0, current: async () => login(), refused: () => void source.refusals++ }
  return source
}

test('a login that has expired is renewed once, for all requests it failed, and they go on', async (t) => {
  const { registry, state } = await startBasicRegistry(t)
  const program = await writeHelper(t)
  await program.answers({ username: 'AWS', secret: 'one' })
  // The helper was asked long ago.
  const credentials = credentialHelper({
    helper: program.path,
    server: registry.url,
    lifetimeMs: 3_600_000,
    pauseMs: 0,
  })
  const client = clientOf(t, { url: registry.url, credentials })
  await client.getManifest(alpine, latest)
  await program.answers({ username: 'AWS', secret: 'two' })
  Object.assign(state, { accepted: basic('AWS', 'two'), expired: basic('AWS', 'one') })
  await Promise.all(Array.from({ length: 10 }, () => client.getManifest(alpine, latest)))
  assert.equal((await program.runs()).length, 2)
})

test('a login that is denied for another reason is not renewed', async (t) => {
  const { registry, state } = await startBasicRegistry(t)
  const credentials = loginsInTurn('one', 'two')
  const client = clientOf(t, { url: registry.url, credentials })
  await client.getManifest(alpine, latest)
  state.accepted = 'nobody'
  await assert.rejects(client.getManifest(alpine, latest), UpstreamDeniedError)
  assert.equal(credentials.refusals, 0)
})

test('an upstream that calls every login expired is asked twice', async (t) => {
  const { registry, state } = await startBasicRegistry(t)
  const client = clientOf(t, { url: registry.url, credentials: loginsInTurn('one', 'one') })
  await client.getManifest(alpine, latest)
  Object.assign(state, { accepted: 'nobody', expired: basic('AWS', 'one') })
  const before = registry.requests.length
  await assert.rejects(client.getManifest(alpine, latest), UpstreamDeniedError)
  assert.equal(registry.requests.length, before + 1)
})

test('a password that was changed in its file is used after the old one was refused', async (t) => {
  const file = join(await temporaryFolder(t), 'password')
  await writeFile(file, 'one')
  let accepted = basic('acme', 'one')
  const registry = await startScriptedServer(t, (req, res) => {
    if (req.headers.authorization === accepted) res.end(manifestBytes())
    else res.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end()
  })
  const client = clientOf(t, { url: registry.url, credentials: loginOf('acme', secretFile(file)) })
  await client.getManifest(alpine, latest)
  accepted = basic('acme', 'second')
  await assert.rejects(client.getManifest(alpine, latest), UpstreamUnauthorizedError)
  await writeFile(file, 'second')
  await client.getManifest(alpine, latest)
})

test('a login that the token service refuses is renewed once', async (t) => {
  const realm = await startScriptedServer(t, (req, res) => {
    if (req.headers.authorization === basic('AWS', 'two')) res.end(JSON.stringify({ token: 't' }))
    else res.writeHead(401).end()
  })
  const registry = await startScriptedServer(t, (req, res) => {
    if (req.headers.authorization === 'Bearer t') res.end(manifestBytes())
    else res.writeHead(401, { 'www-authenticate': `Bearer realm="${realm.url}/token"` }).end()
  })
  const credentials = loginsInTurn('one', 'two')
  await clientOf(t, { url: registry.url, credentials }).getManifest(alpine, latest)
  assert.equal(credentials.refusals, 1)
})

test('an identity token is exchanged at the token service, in a form', async (t) => {
  const forms: string[] = []
  const realm = await startScriptedServer(t, (req, res) => {
    void text(req).then((form) => {
      forms.push(`${req.method} ${form}`)
      res.end(JSON.stringify({ access_token: 't' }))
    })
  })
  const challenge = `Bearer realm="${realm.url}/token",service="acr",scope="repository:library/alpine:pull"`
  const registry = await startScriptedServer(t, (req, res) => {
    if (req.headers.authorization === 'Bearer t') res.end(manifestBytes())
    else res.writeHead(401, { 'www-authenticate': challenge }).end()
  })
  const identity: Login = { kind: 'identity', token: 'refresh&me' }
  const credentials = { current: async () => identity, refused: () => {} }
  await clientOf(t, { url: registry.url, credentials }).getManifest(alpine, latest)
  assert.deepEqual(forms, [
    'POST grant_type=refresh_token&client_id=dockgate&refresh_token=refresh%26me&scope=repository%3Alibrary%2Falpine%3Apull&service=acr',
  ])
})

test('a token of one’s own is sent as it stands from the first request on, and read again when it is refused', async (t) => {
  const file = join(await temporaryFolder(t), 'token')
  await writeFile(file, 'one')
  let accepted = 'Bearer one'
  const registry = await startScriptedServer(t, (req, res) => {
    if (req.headers.authorization === accepted) res.end(manifestBytes())
    else res.writeHead(401, { 'www-authenticate': 'Bearer realm="http://127.0.0.1:1/token"' }).end()
  })
  const client = clientOf(t, { url: registry.url, token: secretFile(file) })
  await client.getManifest(alpine, latest)
  assert.equal(registry.requests.length, 1)
  accepted = 'Bearer second'
  await assert.rejects(client.getManifest(alpine, latest), UpstreamUnauthorizedError)
  await writeFile(file, 'second')
  await client.getManifest(alpine, latest)
})

test('a token is renewed before it expires, and nobody waits for the new one', async (t) => {
  let issued = 0
  let isHanging = false
  const realm = await startScriptedServer(t, (_req, res) => {
    issued += 1
    if (!isHanging) res.end(JSON.stringify({ token: `t${issued}`, expires_in: 2 }))
  })
  const registry = await startScriptedServer(t, (req, res) => {
    if (req.headers.authorization === 'Bearer t1') res.end(manifestBytes())
    else res.writeHead(401, { 'www-authenticate': `Bearer realm="${realm.url}/token"` }).end()
  })
  const client = clientOf(t, { url: registry.url })
  await client.getManifest(alpine, latest)
  isHanging = true
  // While the service hangs, requests go on with the token that still has some life left.
  await until('the next token is asked for', async () => {
    await client.getManifest(alpine, latest)
    return issued === 2
  })
})

test('one stray challenge that nobody can answer keeps no later request from going through', async (t) => {
  let isStray = true
  const core = await startScriptedServer(t, (_req, res) => {
    if (isStray) res.writeHead(401, { 'www-authenticate': 'Basic realm="stray"' }).end()
    else res.end('{}')
  })
  const { login, client } = createUpstreamAccess({ url: core.url })
  atEnd(t, () => client.close())
  await assert.rejects(login.header('repository:app:push'), UpstreamUnauthorizedError)
  isStray = false
  assert.equal(await login.header('repository:app:push'), undefined)
})

// ID tokens of a real OpenID provider as passwords.
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import type { JWTPayload } from 'jose'
import { InvalidCredentialError } from '../../../src/auth/authenticator.ts'
import { BackendUnavailableError } from '../../../src/auth/login-backend.ts'
import { OidcBackend, type OidcRuleConfig } from '../../../src/auth/oidc/oidc-backend.ts'
import { startOidcProvider } from '../../support/oidc-provider.ts'
import { atEnd, fileScope, temporaryFolder, type Scope } from '../../support/scope.ts'

const AUDIENCE = 'registry.example.com'
const CLAIMS = { sub: 'repo:acme/app:ref:refs/heads/main', repository: 'acme/app', ref: 'refs/heads/main' }

const scope = fileScope()
const provider = await startOidcProvider(scope, [AUDIENCE, 'another.example.com'])
const { issuer } = provider

function backendOf(...rules: Partial<OidcRuleConfig>[]): OidcBackend {
  return new OidcBackend({ rules: rules.map((rule) => ({ issuer, audience: [AUDIENCE], ...rule })) })
}

async function login(backend: OidcBackend, password: string) {
  return (await backend.check({ name: 'oidc', password }))?.identity
}

test('an ID token is an account that carries its source, by its subject', async () => {
  const backend = backendOf({})
  const verdict = await backend.check({ name: 'whoever', password: await provider.idToken(CLAIMS) })
  assert.equal(verdict?.identity.name, 'oidc:repo:acme/app:ref:refs/heads/main')
  assert.equal(verdict?.identity.method, 'basic')
  assert.ok((verdict?.lifeMs ?? 0) > 0 && (verdict?.lifeMs ?? 0) <= 5 * 60_000)
  assert.equal(verdict?.stillHolds(), true)
})

test('a verdict does not outlive the ID token', async () => {
  const expiresAt = Math.floor(Date.now() / 1000) + 60
  const verdict = await backendOf({}).check({
    name: 'oidc',
    password: await provider.idToken(CLAIMS, { expiresAt }),
  })
  assert.ok((verdict?.lifeMs ?? Infinity) <= 60_000)
})

test('names are put together from claims, and groups come from the rule and from a claim', async () => {
  const backend = backendOf({ name: 'gitlab/${repository}/${run}', groups: ['ci'], groupsClaim: 'teams' })
  const token = await provider.idToken({ ...CLAIMS, run: 7, teams: ['core', 'ops\n', 3, { no: 1 }] })
  const identity = await login(backend, token)
  assert.equal(identity?.name, 'oidc:gitlab/acme/app/7')
  assert.deepEqual(identity?.groups, ['oidc:ci', 'oidc:core', 'oidc:3'])
})

test('claims inside of claims are reached as Kubernetes nests them', async () => {
  const backend = backendOf({
    name: '${kubernetes.io.namespace}/${kubernetes.io.serviceaccount.name}',
    when: { 'kubernetes.io.namespace': ['team-*'] },
  })
  const nested = { namespace: 'team-a', serviceaccount: { name: 'builder' } }
  const identity = await login(backend, await provider.idToken({ sub: 'x', 'kubernetes.io': nested }))
  assert.equal(identity?.name, 'oidc:team-a/builder')
})

test('the first rule whose conditions hold decides; when none does, nobody gets in', async () => {
  const backend = backendOf(
    { name: 'releases', when: { ref: ['refs/tags/*'] }, groups: ['release'] },
    {
      name: 'main/${repository}',
      when: { ref: ['refs/heads/main', 'refs/heads/next'], repository: ['acme/*'] },
    },
  )
  const idToken = (claims: JWTPayload) => provider.idToken({ ...CLAIMS, releases: 'rel', ...claims })
  assert.equal((await login(backend, await idToken({ ref: 'refs/tags/v1' })))?.name, 'oidc:rel')
  assert.equal((await login(backend, await idToken({})))?.name, 'oidc:main/acme/app')
  await assert.rejects(login(backend, await idToken({ ref: 'refs/heads/dev' })), InvalidCredentialError)
  await assert.rejects(login(backend, await idToken({ repository: 'evil/app' })), InvalidCredentialError)
  await assert.rejects(login(backend, await idToken({ repository: 'acme/app/more' })), InvalidCredentialError)
  await assert.rejects(login(backend, await idToken({ ref: 'refs/tags/a/b' })), InvalidCredentialError)
})

test('a rule whose name needs a claim that is missing, or no text, does not hold', async () => {
  const backend = backendOf({ name: 'x/${repository}' })
  for (const repository of [undefined, '', ['a', 'b'], { a: 1 }, 'line\nbreak', 'x'.repeat(300)])
    await assert.rejects(login(backend, await provider.sign(fresh({ repository }))), InvalidCredentialError)
  const inherited = backendOf({ name: 'x/${constructor.name}' })
  await assert.rejects(login(inherited, await provider.sign(fresh({}))), InvalidCredentialError)
})

test('a token for another audience is refused', async () => {
  const token = await provider.idToken(CLAIMS, { audience: 'another.example.com' })
  await assert.rejects(login(backendOf({}), token), InvalidCredentialError)
  assert.equal((await login(backendOf({ audience: ['x', 'another.example.com'] }), token))?.method, 'basic')
})

test('an expired token, one not valid yet, and one that never expires are refused', async () => {
  const now = Math.floor(Date.now() / 1000)
  const tokens = [fresh({ exp: now - 60 }), fresh({ nbf: now + 60 }), fresh({ exp: undefined })]
  for (const claims of tokens)
    await assert.rejects(login(backendOf({}), await provider.sign(claims)), InvalidCredentialError)
})

test('passwords that are no token of a configured issuer are left to others', async () => {
  const other = await provider.sign(fresh({ iss: 'https://elsewhere.example.com' }))
  const nobody = await provider.sign(fresh({ iss: undefined }))
  for (const password of ['secret', 'a.b.c', 'not a.jwt.x', '..', other, nobody, `${issuer}.x.y`])
    assert.equal(await login(backendOf({}), password), undefined)
})

test('a token that another provider signed in the name of this one is refused', async (t) => {
  const thief = await startOidcProvider(t, [AUDIENCE])
  await assert.rejects(login(backendOf({}), await thief.sign(fresh({}))), InvalidCredentialError)
})

test('alg none, and a public key used as a secret, are refused', async () => {
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const body = encode(fresh({}))
  const none = `${encode({ alg: 'none' })}.${body}.`
  const jwks = await (await fetch(`${issuer}/jwks`)).json()
  const secret = JSON.stringify((jwks as { keys: unknown[] }).keys[0])
  const head = `${encode({ alg: 'HS256' })}.${body}`
  const mac = createHmac('sha256', secret).update(head).digest('base64url')
  await assert.rejects(login(backendOf({}), none), InvalidCredentialError)
  await assert.rejects(login(backendOf({}), `${head}.${mac}`), InvalidCredentialError)
})

test('tokens that are good for something else are refused', async () => {
  for (const typ of ['at+jwt', 'logout+jwt'])
    await assert.rejects(
      login(backendOf({}), await provider.sign(fresh({}), { typ })),
      InvalidCredentialError,
    )
})

test('a rotated key is found, and the former is not believed for ever', async (t) => {
  const rotating = await startOidcProvider(t, [AUDIENCE])
  let now = 0
  t.mock.method(performance, 'now', () => now)
  const backend = backendOf({ issuer: rotating.issuer })
  const before = await rotating.idToken(CLAIMS)
  await login(backend, before)
  await rotating.rotate()
  now += 20_000
  assert.notEqual(await login(backend, await rotating.idToken(CLAIMS)), undefined)
  assert.equal(rotating.keyRequests(), 2)
  await assert.rejects(login(backend, before), InvalidCredentialError)
})

test('tokens with made-up keys do not have the keys asked for again and again', async (t) => {
  const asked = await startOidcProvider(t, [AUDIENCE])
  const backend = backendOf({ issuer: asked.issuer })
  await login(backend, await asked.idToken(CLAIMS))
  for (const kid of ['a', 'b', 'c', 'd'])
    await assert.rejects(
      login(backend, await asked.sign(fresh({ iss: asked.issuer }), { kid })),
      InvalidCredentialError,
    )
  assert.equal(asked.keyRequests(), 1)
})

test('a provider that is down is unavailable; keys that are known go on for an hour', async (t) => {
  const mortal = await startOidcProvider(t, [AUDIENCE])
  let now = 0
  t.mock.method(performance, 'now', () => now)
  const downs: string[] = []
  const rules = [{ issuer: mortal.issuer, audience: [AUDIENCE] }]
  const backend = new OidcBackend({ rules, onDown: ({ message }) => void downs.push(message) })
  const token = await mortal.idToken(CLAIMS)
  await mortal.stop()
  // Final: it names its issuer, so that no other place is shown it.
  await assert.rejects(
    login(backend, token),
    (error) => error instanceof BackendUnavailableError && error.isFinal,
  )
  assert.match(downs.join(), /can not be had: connect ECONNREFUSED/)
  await mortal.start()
  await assert.rejects(login(backend, token), /could not be asked a moment ago/)
  now += 6_000
  assert.notEqual(await login(backend, token), undefined)
  await mortal.stop()
  now += 30 * 60_000
  assert.notEqual(await login(backend, token), undefined)
  now += 40 * 60_000
  await assert.rejects(login(backend, token), BackendUnavailableError)
})

test('keys may come from a file, or from a URL of their own', async (t) => {
  const folder = await temporaryFolder(t)
  const jwksFile = join(folder, 'keys.json')
  const jwksUrl = `${issuer}/jwks`
  await writeFile(jwksFile, await (await fetch(jwksUrl)).text())
  const token = await provider.idToken(CLAIMS)
  assert.notEqual(await login(backendOf({ jwksFile }), token), undefined)
  assert.notEqual(await login(backendOf({ jwksUrl }), token), undefined)
})

test('documents that redirect, speak for another issuer, point into the clear or never end are not believed', async (t) => {
  const good = { issuer: '', jwks_uri: `${issuer}/jwks` }
  const answers: ((own: string) => RequestListener)[] = [
    () => (_req, res) => void res.writeHead(302, { Location: `${issuer}/jwks` }).end(),
    () => (_req, res) => void res.end(JSON.stringify({ ...good, issuer })),
    (own) => (_req, res) => void res.end(JSON.stringify({ issuer: own, jwks_uri: 'http://192.0.2.1/jwks' })),
    () => (_req, res) => void res.end('['.repeat(10_000)),
    () => (_req, res) => void res.end(JSON.stringify({ padding: 'x'.repeat(300_000) })),
    () => (_req, res) => void res.end('{}'),
  ]
  for (const answer of answers) {
    const url = await serve(t, answer)
    const token = await provider.sign(fresh({ iss: url }))
    await assert.rejects(login(backendOf({ issuer: url }), token), BackendUnavailableError)
  }
})

test('tokens are tied to the rule that let them in', async () => {
  const rule = { issuer, audience: [AUDIENCE] }
  const backend = new OidcBackend({ rules: [rule] })
  const verdict = await backend.check({ name: 'oidc', password: await provider.idToken(CLAIMS) })
  const key = verdict?.identity.account?.key ?? ''
  const state = backend.stateOf(key)
  assert.notEqual(state, undefined)
  backend.replaceRules([{ ...rule }, { ...rule, groups: ['more'] }])
  assert.equal(backend.stateOf(key), state)
  assert.equal(verdict?.stillHolds(), true)
  backend.replaceRules([{ ...rule, when: { ref: ['refs/heads/main'] } }])
  assert.equal(backend.stateOf(key), undefined)
  assert.equal(verdict?.stillHolds(), false)
  assert.equal(backend.stateOf('no such key'), undefined)
})

function fresh(claims: Readonly<Record<string, unknown>>): JWTPayload {
  const now = Math.floor(Date.now() / 1000)
  const whole = { iss: issuer, aud: AUDIENCE, iat: now, exp: now + 300, ...CLAIMS, ...claims }
  return Object.fromEntries(Object.entries(whole).filter(([, value]) => value !== undefined))
}

async function serve(t: Scope, answerOf: (own: string) => RequestListener): Promise<string> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const own = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`
  server.on('request', answerOf(own))
  atEnd(t, () => {
    server.close()
    server.closeAllConnections()
  })
  return own
}

import assert from 'node:assert/strict'
import { createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { SignJWT, type JWTHeaderParameters } from 'jose'
import { ScopesCeiling } from '../../../src/access/ceiling.ts'
import { InvalidCredentialError } from '../../../src/auth/authenticator.ts'
import { bearerTokens } from '../../../src/auth/external/bearer-tokens.ts'
import { ExternalTokens } from '../../../src/auth/external/external-tokens.ts'
import { BackendUnavailableError } from '../../../src/auth/login-backend.ts'
import { IssuerKeys } from '../../../src/auth/oidc/issuer-keys.ts'
import { parseScopes } from '../../../src/oci/scope.ts'
import { temporaryFolder } from '../../support/scope.ts'
import { startScriptedServer } from '../../upstream/scripted-server.ts'

const ISSUER = 'gitlab-issuer'
const SERVICE = 'container_registry'
const access = [{ type: 'repository', name: 'team/app', actions: ['pull', 'push'] }]

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const ec = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
const ed = generateKeyPairSync('ed25519')

function jwkOf(publicKey: KeyObject, kid: string): object {
  return { ...publicKey.export({ format: 'jwk' }), kid }
}

function sign(
  key: KeyObject,
  header: JWTHeaderParameters,
  changes: Record<string, unknown> = {},
): Promise<string> {
  const now = Math.floor(Date.now() / 1000)
  const claims = { iss: ISSUER, aud: SERVICE, sub: 'bob', iat: now, nbf: now, exp: now + 300, access }
  return new SignJWT({ ...claims, ...changes }).setProtectedHeader(header).sign(key)
}

const rs256 = (changes?: Record<string, unknown>, header: Partial<JWTHeaderParameters> = {}) =>
  sign(rsa.privateKey, { alg: 'RS256', kid: 'rsa', ...header }, changes)

/** A verifier of the keys in a file. */
async function start(t: TestContext) {
  const file = join(await temporaryFolder(t), 'jwks.json')
  const keys = [jwkOf(rsa.publicKey, 'rsa'), jwkOf(ec.publicKey, 'ec'), jwkOf(ed.publicKey, 'ed')]
  await writeFile(file, JSON.stringify({ keys }))
  const { find: findKey } = new IssuerKeys({ issuer: ISSUER, jwksFile: file })
  const tokens = new ExternalTokens({ source: 'gitlab', issuer: ISSUER, service: SERVICE, findKey })
  const identify = async (token: string) => tokens.authenticate(`Bearer ${token}`)
  const refuses = (token: string) => assert.rejects(identify(token), InvalidCredentialError)
  return { file, tokens, identify, refuses }
}

test('a token of another server is its subject, named by its source, with its access as the ceiling', async (t) => {
  const { identify, tokens } = await start(t)
  const token = await rs256()
  const expected = {
    name: 'gitlab:bob',
    groups: ['gitlab:any'],
    method: 'bearer',
    ceiling: new ScopesCeiling(parseScopes(['repository:team/app:pull,push'])),
  }
  assert.deepEqual(await identify(token), expected)
  assert.deepEqual(tokens.authenticate(`Bearer ${token}`), expected)
})

test('ES256 and EdDSA verify as well, each with a key of its kind alone', async (t) => {
  const { identify, refuses } = await start(t)
  assert.equal((await identify(await sign(ec.privateKey, { alg: 'ES256', kid: 'ec' }))).name, 'gitlab:bob')
  assert.equal((await identify(await sign(ed.privateKey, { alg: 'EdDSA', kid: 'ed' }))).name, 'gitlab:bob')
  await refuses(await sign(ec.privateKey, { alg: 'ES256', kid: 'rsa' }))
  await refuses(await sign(rsa.privateKey, { alg: 'PS256', kid: 'rsa' }))
  await refuses(await sign(rsa.privateKey, { alg: 'RS512', kid: 'rsa' }))
})

test('an empty subject is nobody, within the ceiling; one that can be no name is refused', async (t) => {
  const { identify, refuses } = await start(t)
  assert.equal((await identify(await rs256({ sub: '' }))).name, undefined)
  assert.equal((await identify(await rs256({ sub: undefined }))).name, undefined)
  await refuses(await rs256({ sub: ' bob' }))
  await refuses(await rs256({ sub: 'a\nb' }))
  await refuses(await rs256({ sub: 'x'.repeat(300) }))
})

test('a subject can not become an account of ours, nor of another source', async (t) => {
  const { identify } = await start(t)
  for (const sub of ['alice', '$anonymous', '@ops', 'robot:ci', 'ldap:alice'])
    assert.equal((await identify(await rs256({ sub }))).name, `gitlab:${sub}`)
})

test('an access claim that is missing allows nothing, * every action, and nonsense is refused', async (t) => {
  const { identify, refuses } = await start(t)
  assert.deepEqual((await identify(await rs256({ access: undefined }))).ceiling, new ScopesCeiling([]))
  const star = [{ type: 'repository', name: 'team/app', actions: ['*'] }]
  const everything = new ScopesCeiling(parseScopes(['repository:team/app:*']))
  assert.deepEqual((await identify(await rs256({ access: star }))).ceiling, everything)
  await refuses(await rs256({ access: 'repository:team/app:pull' }))
})

test('a token of another issuer, for another service, too early or too late is refused', async (t) => {
  const { identify, refuses } = await start(t)
  const now = Math.floor(Date.now() / 1000)
  await refuses(await rs256({ iss: 'someone' }))
  await refuses(await rs256({ iss: undefined }))
  await refuses(await rs256({ aud: 'registry.test' }))
  await refuses(await rs256({ aud: undefined }))
  await refuses(await rs256({ exp: now - 61 }))
  await refuses(await rs256({ exp: undefined }))
  await refuses(await rs256({ nbf: now + 120 }))
  assert.equal((await identify(await rs256({ aud: ['x', SERVICE], nbf: undefined }))).name, 'gitlab:bob')
})

test('alg none, HS256 with the public key, another’s key and another kid are refused', async (t) => {
  const { refuses } = await start(t)
  const [, claims = '', signature = ''] = (await rs256()).split('.')
  const header = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const none = header({ alg: 'none', kid: 'rsa' })
  await refuses(`${none}.${claims}.`)
  await refuses(`${none}.${claims}.${signature}`)
  const hmac = header({ alg: 'HS256', kid: 'rsa' })
  const pem = rsa.publicKey.export({ type: 'spki', format: 'pem' })
  const forged = createHmac('sha256', pem).update(`${hmac}.${claims}`).digest('base64url')
  await refuses(`${hmac}.${claims}.${forged}`)
  const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
  await refuses(await sign(stranger, { alg: 'RS256', kid: 'rsa' }))
  await refuses(await sign(stranger, { alg: 'RS256', kid: 'rsa', jwk: jwkOf(rsa.publicKey, 'rsa') }))
  await refuses(await rs256({}, { kid: 'other' }))
  await refuses('x')
})

test('keys at a URL are asked for once; while they can not be had, nobody is told that a token is wrong', async (t) => {
  const server = await startScriptedServer(t, (_req, res) =>
    res.writeHead(200).end(JSON.stringify({ keys: [jwkOf(rsa.publicKey, 'rsa')] })),
  )
  const { find: findKey } = new IssuerKeys({ issuer: ISSUER, jwksUrl: `${server.url}/jwks` })
  const tokens = new ExternalTokens({ source: 'gitlab', issuer: ISSUER, service: SERVICE, findKey })
  await Promise.all([1, 2, 3].map(async (iat) => tokens.authenticate(`Bearer ${await rs256({ iat })}`)))
  const unknown = async () => tokens.authenticate(`Bearer ${await rs256({}, { kid: 'other' })}`)
  await assert.rejects(unknown, InvalidCredentialError)
  await assert.rejects(unknown, InvalidCredentialError)
  assert.equal(server.requests.length, 1)
  await server.close()
  const away = new IssuerKeys({ issuer: ISSUER, jwksUrl: `${server.url}/jwks` })
  const lost = new ExternalTokens({ source: 'x', issuer: ISSUER, service: SERVICE, findKey: away.find })
  await assert.rejects(async () => lost.authenticate(`Bearer ${await rs256()}`), BackendUnavailableError)
})

test('a file of keys that goes is no reason to refuse those that were read', async (t) => {
  const { file, identify } = await start(t)
  await identify(await rs256())
  await rm(file)
  assert.equal((await identify(await rs256({ sub: 'carol' }))).name, 'gitlab:carol')
})

test('the issuer in a token says who verifies it, and no more', async (t) => {
  const { tokens } = await start(t)
  const own = { authenticate: () => ({ name: 'alice', method: 'bearer' }) as const }
  const both = bearerTokens(own, [tokens])
  assert.equal((await both.authenticate(`Bearer ${await rs256()}`)).name, 'gitlab:bob')
  assert.equal((await both.authenticate(`Bearer ${await rs256({ iss: 'dockgate' })}`)).name, 'alice')
  assert.equal((await both.authenticate('Bearer garbage')).name, 'alice')
  const forged = await sign(ec.privateKey, { alg: 'ES256', kid: 'rsa' })
  await assert.rejects(async () => both.authenticate(`Bearer ${forged}`), InvalidCredentialError)
  const alone = bearerTokens(undefined, [tokens])
  assert.throws(() => alone.authenticate('Bearer garbage'), InvalidCredentialError)
})

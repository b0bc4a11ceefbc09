import assert from 'node:assert/strict'
import { createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { SignJWT, decodeJwt, decodeProtectedHeader } from 'jose'
import { AccountFingerprints } from '../../src/auth/account-fingerprint.ts'
import { InvalidCredentialError } from '../../src/auth/authenticator.ts'
import type { PasswordEntry } from '../../src/auth/htpasswd.ts'
import { TokenIssuer } from '../../src/auth/token-issuer.ts'
import { loadTokenKey, type TokenKey } from '../../src/auth/token-key.ts'
import { TokenVerifier } from '../../src/auth/token-verifier.ts'
import { parseScopes } from '../../src/oci/scope.ts'
import { temporaryFolder } from '../support/scope.ts'

const ISSUER = 'dockgate'
const SERVICE = 'registry.test'
const alice: PasswordEntry = { name: 'alice', hash: '$2y$05$old' }
const scopes = parseScopes(['repository:team/web:pull,push', 'registry:catalog:*'])

interface Setting {
  readonly key: TokenKey
  readonly issuer: TokenIssuer
  readonly verifier: TokenVerifier
  readonly accounts: Map<string, PasswordEntry>
}

async function start(t: TestContext): Promise<Setting> {
  const key = await loadTokenKey(join(await temporaryFolder(t), 'token.key'))
  const accounts = new Map([[alice.name, alice]])
  const options = { key, issuer: ISSUER, service: SERVICE, accounts }
  return {
    key,
    accounts,
    issuer: new TokenIssuer({ ...options, lifeSeconds: 300 }),
    verifier: new TokenVerifier(options),
  }
}

/** A token that would be good, but for what the test changes. */
function sign(
  key: KeyObject,
  changes: Record<string, unknown>,
  header: { alg?: string; typ?: string } = {},
): Promise<string> {
  const now = Math.floor(Date.now() / 1000)
  const claims = {
    iss: ISSUER,
    aud: SERVICE,
    sub: 'alice',
    iat: now,
    nbf: now,
    exp: now + 300,
    access: [],
    account: new AccountFingerprints({ privateKey: key }).of(alice),
    ...changes,
  }
  return new SignJWT(claims).setProtectedHeader({ typ: 'JWT', alg: 'ES256', ...header }).sign(key)
}

async function refuses({ verifier }: Setting, token: string): Promise<void> {
  await assert.rejects(async () => verifier.authenticate(`Bearer ${token}`), InvalidCredentialError)
}

test('an issued token is its account with its scopes as the ceiling, at once the second time', async (t) => {
  const { issuer, verifier } = await start(t)
  const { token, expiresInSeconds } = await issuer.issue({ subject: 'alice', scopes })
  assert.equal(expiresInSeconds, 300)
  const expected = { name: 'alice', method: 'bearer', ceiling: scopes }
  assert.deepEqual(await verifier.authenticate(`Bearer ${token}`), expected)
  assert.deepEqual(verifier.authenticate(`Bearer ${token}`), expected)
})

test('a token of nobody is anonymous within its ceiling', async (t) => {
  const { issuer, verifier } = await start(t)
  const { token } = await issuer.issue({ subject: undefined, scopes: [] })
  const identity = await verifier.authenticate(`bearer ${token}`)
  assert.deepEqual(identity, { name: undefined, method: 'bearer', ceiling: [] })
})

test('a token carries the claims of the Docker token specification', async (t) => {
  const { issuer, key } = await start(t)
  const now = new Date('2026-11-21T12:00:00.900Z')
  const { token, issuedAt } = await issuer.issue({ subject: 'alice', scopes, now })
  const { jti, account, ...claims } = decodeJwt(token)
  assert.match(jti ?? '', /^[\w-]{36}$/)
  assert.match(String(account), /^[\w-]{22}$/)
  assert.equal(issuedAt.toISOString(), '2026-11-21T12:00:00.000Z')
  const iat = issuedAt.getTime() / 1000
  assert.deepEqual(claims, {
    iss: ISSUER,
    sub: 'alice',
    aud: SERVICE,
    iat,
    nbf: iat,
    exp: iat + 300,
    access: [
      { type: 'repository', name: 'team/web', actions: ['pull', 'push'] },
      { type: 'registry', name: 'catalog', actions: ['*'] },
    ],
  })
  assert.deepEqual(decodeProtectedHeader(token), { typ: 'JWT', alg: 'ES256', kid: key.kid })
})

test('a token signed with our key but made for something else is refused', async (t) => {
  const setting = await start(t)
  const now = Math.floor(Date.now() / 1000)
  const refusesClaims = async (changes: Record<string, unknown>): Promise<void> =>
    refuses(setting, await sign(setting.key.privateKey, changes))
  await refusesClaims({ iss: 'someone' })
  await refusesClaims({ aud: 'other.test' })
  await refusesClaims({ aud: [] })
  await refusesClaims({ exp: now - 11 })
  await refusesClaims({ nbf: now + 60 })
  await refusesClaims({ exp: undefined })
  await refusesClaims({ nbf: undefined })
  await refusesClaims({ iat: undefined })
  await refusesClaims({ sub: undefined })
  await refusesClaims({ access: undefined })
  await refusesClaims({ access: 'repository:team/web:push' })
  await refuses(setting, await sign(setting.key.privateKey, {}, { typ: 'at+jwt' }))
})

test('clocks may differ by a few seconds', async (t) => {
  const { key, verifier } = await start(t)
  const now = Math.floor(Date.now() / 1000)
  const token = await sign(key.privateKey, { nbf: now + 5 })
  assert.equal((await verifier.authenticate(`Bearer ${token}`)).name, 'alice')
})

test('a token that was not signed by our key with our algorithm is refused', async (t) => {
  const setting = await start(t)
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  await refuses(setting, await sign(privateKey, {}))
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
  await refuses(setting, await sign(rsa.privateKey, {}, { alg: 'RS256' }))

  const good = await sign(setting.key.privateKey, {})
  const [, claims = '', signature = ''] = good.split('.')
  const unsigned = Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url')
  await refuses(setting, `${unsigned}.${claims}.`)
  await refuses(setting, `${unsigned}.${claims}.${signature}`)

  // The public key is public: taken for an HMAC secret it would let everybody sign.
  const hmac = Buffer.from('{"alg":"HS256","typ":"JWT"}').toString('base64url')
  const pem = setting.key.publicKey.export({ type: 'spki', format: 'pem' })
  const forged = createHmac('sha256', pem).update(`${hmac}.${claims}`).digest('base64url')
  await refuses(setting, `${hmac}.${claims}.${forged}`)
})

test('claims can not be changed under a good signature', async (t) => {
  const setting = await start(t)
  const { token } = await setting.issuer.issue({ subject: 'alice', scopes: [] })
  const [header, , signature] = token.split('.')
  const claims = Buffer.from(JSON.stringify({ ...decodeJwt(token), sub: 'root' })).toString('base64url')
  setting.accounts.set('root', { name: 'root', hash: alice.hash })
  await refuses(setting, `${header}.${claims}.${signature}`)
})

test('a token of an account that is gone is refused, also when it was verified before', async (t) => {
  const setting = await start(t)
  const { token } = await setting.issuer.issue({ subject: 'alice', scopes })
  await setting.verifier.authenticate(`Bearer ${token}`)
  setting.accounts.delete('alice')
  await refuses(setting, token)
})

test('a changed password ends the tokens that were got with the old one at once, verified before or not', async (t) => {
  const setting = await start(t)
  const { accounts, issuer, verifier } = setting
  const verified = (await issuer.issue({ subject: 'alice', scopes })).token
  const unseen = (await issuer.issue({ subject: 'alice', scopes: [] })).token
  const anonymous = (await issuer.issue({ subject: undefined, scopes: [] })).token
  await verifier.authenticate(`Bearer ${verified}`)
  await verifier.authenticate(`Bearer ${anonymous}`)
  accounts.set('alice', { ...alice, hash: '$2y$05$new' })
  await refuses(setting, verified)
  await refuses(setting, unseen)
  assert.equal((await verifier.authenticate(`Bearer ${anonymous}`)).name, undefined)
  const renewed = (await issuer.issue({ subject: 'alice', scopes })).token
  assert.equal((await verifier.authenticate(`Bearer ${renewed}`)).name, 'alice')
})

test('a password file that was read again without a change ends no token', async (t) => {
  const { accounts, issuer, verifier } = await start(t)
  const { token } = await issuer.issue({ subject: 'alice', scopes })
  await verifier.authenticate(`Bearer ${token}`)
  accounts.set('alice', { ...alice })
  assert.ok(!(verifier.authenticate(`Bearer ${token}`) instanceof Promise))
})

test('a token that names an account without its fingerprint is refused', async (t) => {
  const setting = await start(t)
  const { privateKey } = setting.key
  const ofBob = new AccountFingerprints({ privateKey }).of({ ...alice, name: 'bob' })
  await refuses(setting, await sign(privateKey, { account: undefined }))
  await refuses(setting, await sign(privateKey, { account: ofBob }))
  await refuses(setting, await sign(privateKey, { account: [] }))
})

test('no token is issued for an account that went while it was asked for, and an anonymous one is tied to none', async (t) => {
  const { accounts, issuer } = await start(t)
  accounts.delete('alice')
  await assert.rejects(issuer.issue({ subject: 'alice', scopes }), InvalidCredentialError)
  const { token } = await issuer.issue({ subject: undefined, scopes })
  assert.equal('account' in decodeJwt(token), false)
})

test('a verified token is refused when it has expired', async (t) => {
  const setting = await start(t)
  const { token } = await setting.issuer.issue({ subject: 'alice', scopes })
  await setting.verifier.authenticate(`Bearer ${token}`)
  const [wall, monotonic] = [Date.now(), performance.now()]
  const laterMs = 311_000
  t.mock.timers.enable({ apis: ['Date'], now: wall + laterMs })
  t.mock.method(performance, 'now', () => monotonic + laterMs)
  await refuses(setting, token)
})

test('entries of the access claim that mean nothing here allow nothing', async (t) => {
  const { key, verifier } = await start(t)
  const access = [
    { type: 'repository', name: '../etc', actions: ['pull'] },
    { type: 'repository', name: 'a', actions: ['*', 'admin', 'pull'] },
    { type: 'registry', name: 'catalog', actions: ['pull'] },
    { type: 'admin', name: 'x', actions: ['*'] },
  ]
  const identity = await verifier.authenticate(`Bearer ${await sign(key.privateKey, { access })}`)
  assert.deepEqual(identity.ceiling, [{ type: 'repository', name: 'a', actions: new Set(['pull']) }])
})

test('what is no token is refused', async (t) => {
  const setting = await start(t)
  for (const garbage of ['', 'x', 'a.b.c', 'a.b.c.d', '..', `${'a'.repeat(4000)}.b.c`, 'ä.ö.ü'])
    await refuses(setting, garbage)
})

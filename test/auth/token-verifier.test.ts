import assert from 'node:assert/strict'
import { createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { SignJWT, decodeJwt, decodeProtectedHeader } from 'jose'
import { ScopesCeiling } from '../../src/access/ceiling.ts'
import { ANONYMOUS, type AccountRef, type Identity } from '../../src/access/identity.ts'
import { formatAccountClaim } from '../../src/auth/account-claim.ts'
import { AccountFingerprints } from '../../src/auth/account-fingerprint.ts'
import { InvalidCredentialError } from '../../src/auth/authenticator.ts'
import { CoreTokens } from '../../src/auth/service/core-tokens.ts'
import { TokenKeys } from '../../src/auth/service/token-keys.ts'
import { TokenIssuer } from '../../src/auth/token-issuer.ts'
import { loadTokenKey, type TokenKey } from '../../src/auth/token-key.ts'
import { TokenVerifier } from '../../src/auth/token-verifier.ts'
import { parseScopes } from '../../src/oci/scope.ts'
import { temporaryFolder } from '../support/scope.ts'

const ISSUER = 'dockgate'
const SERVICE = 'registry.test'
const account: AccountRef = { backend: 'htpasswd', key: 'alice' }
const alice: Identity = { name: 'alice', method: 'basic', account }
const STATE = '$2y$05$old'
const scopes = parseScopes(['repository:team/web:pull,push', 'registry:catalog:*'])

interface Setting {
  readonly key: TokenKey
  readonly keys: TokenKeys
  readonly issuer: TokenIssuer
  readonly verifier: TokenVerifier
  /** The state of each account, by its key. */
  readonly states: Map<string, string>
}

async function start(t: TestContext): Promise<Setting> {
  const key = await loadTokenKey(join(await temporaryFolder(t), 'token.key'))
  const states = new Map([[account.key, STATE]])
  const accounts = { stateOf: ({ key }: AccountRef) => states.get(key) }
  const keys = new TokenKeys(key)
  const options = { keys, issuer: ISSUER, service: SERVICE, accounts }
  return {
    key,
    keys,
    states,
    issuer: new TokenIssuer({ ...options, lifeSeconds: 300 }),
    verifier: new TokenVerifier(options),
  }
}

/** A token that would be good, but for what the test changes. */
function sign(
  { kid, privateKey }: Pick<TokenKey, 'kid' | 'privateKey'>,
  changes: Record<string, unknown>,
  header: { alg?: string; typ?: string; kid?: string } = {},
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
    account: claimOf(privateKey, account),
    ...changes,
  }
  return new SignJWT(claims).setProtectedHeader({ typ: 'JWT', alg: 'ES256', kid, ...header }).sign(privateKey)
}

function claimOf(privateKey: KeyObject, ref: AccountRef): object {
  const fingerprint = new AccountFingerprints({ privateKey }).of(ref, STATE)
  return formatAccountClaim({ account: ref, fingerprint })
}

async function refuses({ verifier }: Setting, token: string): Promise<void> {
  await assert.rejects(async () => verifier.authenticate(`Bearer ${token}`), InvalidCredentialError)
}

test('an issued token is its account with its scopes as the ceiling, at once the second time', async (t) => {
  const { issuer, verifier } = await start(t)
  const { token, expiresInSeconds } = await issuer.issue({ identity: alice, scopes })
  assert.equal(expiresInSeconds, 300)
  const expected = { name: 'alice', method: 'bearer', account, ceiling: new ScopesCeiling(scopes) }
  assert.deepEqual(await verifier.authenticate(`Bearer ${token}`), expected)
  assert.deepEqual(verifier.authenticate(`Bearer ${token}`), expected)
})

test('a token of nobody is anonymous within its ceiling', async (t) => {
  const { issuer, verifier } = await start(t)
  const { token } = await issuer.issue({ identity: ANONYMOUS, scopes: [] })
  const identity = await verifier.authenticate(`bearer ${token}`)
  assert.deepEqual(identity, { name: undefined, method: 'bearer', ceiling: new ScopesCeiling([]) })
})

test('a token carries the claims of the Docker token specification', async (t) => {
  const { issuer, key } = await start(t)
  const now = new Date('2026-11-21T12:00:00.900Z')
  const { token, issuedAt } = await issuer.issue({ identity: alice, scopes, now })
  const { jti, account: tie, ...claims } = decodeJwt(token)
  assert.match(jti ?? '', /^[\w-]{36}$/)
  assert.deepEqual(tie, claimOf(key.privateKey, account))
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
    refuses(setting, await sign(setting.key, changes))
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
  await refuses(setting, await sign(setting.key, {}, { typ: 'at+jwt' }))
})

test('clocks may differ by a few seconds', async (t) => {
  const { key, verifier } = await start(t)
  const now = Math.floor(Date.now() / 1000)
  const token = await sign(key, { nbf: now + 5 })
  assert.equal((await verifier.authenticate(`Bearer ${token}`)).name, 'alice')
})

test('a token that was not signed by our key with our algorithm is refused', async (t) => {
  const setting = await start(t)
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const { kid } = setting.key
  await refuses(setting, await sign({ kid, privateKey }, {}))
  await refuses(setting, await sign({ kid: 'other', privateKey }, {}))
  await refuses(setting, await sign(setting.key, {}, { kid: 'other' }))
  await refuses(setting, await sign(setting.key, {}, { kid: '' }))
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
  await refuses(setting, await sign({ kid, privateKey: rsa.privateKey }, {}, { alg: 'RS256' }))

  const good = await sign(setting.key, {})
  const [, claims = '', signature = ''] = good.split('.')
  const unsigned = Buffer.from(JSON.stringify({ alg: 'none', typ: 'JWT', kid })).toString('base64url')
  await refuses(setting, `${unsigned}.${claims}.`)
  await refuses(setting, `${unsigned}.${claims}.${signature}`)

  // The public key is public: taken for an HMAC secret it would let everybody sign.
  const hmac = Buffer.from(JSON.stringify({ alg: 'HS256', typ: 'JWT', kid })).toString('base64url')
  const pem = setting.key.publicKey.export({ type: 'spki', format: 'pem' })
  const forged = createHmac('sha256', pem).update(`${hmac}.${claims}`).digest('base64url')
  await refuses(setting, `${hmac}.${claims}.${forged}`)
})

test('claims can not be changed under a good signature', async (t) => {
  const setting = await start(t)
  const { token } = await setting.issuer.issue({ identity: alice, scopes: [] })
  const [header, , signature] = token.split('.')
  const claims = Buffer.from(JSON.stringify({ ...decodeJwt(token), sub: 'root' })).toString('base64url')
  setting.states.set('root', STATE)
  await refuses(setting, `${header}.${claims}.${signature}`)
})

test('a token of an account that is gone is refused, also when it was verified before', async (t) => {
  const setting = await start(t)
  const { token } = await setting.issuer.issue({ identity: alice, scopes })
  await setting.verifier.authenticate(`Bearer ${token}`)
  setting.states.delete('alice')
  await refuses(setting, token)
})

test('a token of an account that another process knows already is good when this one has caught up', async (t) => {
  const { keys, issuer } = await start(t)
  const { token } = await issuer.issue({ identity: alice, scopes })
  const states = new Map<string, string>()
  const accounts = {
    stateOf: ({ key }: AccountRef) => states.get(key),
    catchUp: async ({ key }: AccountRef) => void states.set(key, STATE),
  }
  const verifier = new TokenVerifier({ keys, issuer: ISSUER, service: SERVICE, accounts })
  assert.equal((await verifier.authenticate(`Bearer ${token}`)).name, 'alice')
})

test('a changed password ends the tokens that were got with the old one at once, verified before or not', async (t) => {
  const setting = await start(t)
  const { states, issuer, verifier } = setting
  const verified = (await issuer.issue({ identity: alice, scopes })).token
  const unseen = (await issuer.issue({ identity: alice, scopes: [] })).token
  const anonymous = (await issuer.issue({ identity: ANONYMOUS, scopes: [] })).token
  await verifier.authenticate(`Bearer ${verified}`)
  await verifier.authenticate(`Bearer ${anonymous}`)
  states.set('alice', '$2y$05$new')
  await refuses(setting, verified)
  await refuses(setting, unseen)
  assert.equal((await verifier.authenticate(`Bearer ${anonymous}`)).name, undefined)
  const renewed = (await issuer.issue({ identity: alice, scopes })).token
  assert.equal((await verifier.authenticate(`Bearer ${renewed}`)).name, 'alice')
})

test('a password file that was read again without a change ends no token', async (t) => {
  const { states, issuer, verifier } = await start(t)
  const { token } = await issuer.issue({ identity: alice, scopes })
  await verifier.authenticate(`Bearer ${token}`)
  states.set('alice', STATE)
  assert.ok(!(verifier.authenticate(`Bearer ${token}`) instanceof Promise))
})

test('a token that names an account without its fingerprint is refused', async (t) => {
  const setting = await start(t)
  const { privateKey } = setting.key
  const ofBob = claimOf(privateKey, { ...account, key: 'bob' })
  await refuses(setting, await sign(setting.key, { account: undefined }))
  await refuses(setting, await sign(setting.key, { account: ofBob }))
  await refuses(setting, await sign(setting.key, { account: { ...ofBob, key: 'alice' } }))
  await refuses(setting, await sign(setting.key, { account: [] }))
})

test('no token is issued for an account that went while it was asked for, and an anonymous one is tied to none', async (t) => {
  const { states, issuer } = await start(t)
  states.delete('alice')
  await assert.rejects(issuer.issue({ identity: alice, scopes }), InvalidCredentialError)
  const { token } = await issuer.issue({ identity: ANONYMOUS, scopes })
  assert.equal('account' in decodeJwt(token), false)
})

test('a verified token is refused when it has expired', async (t) => {
  const setting = await start(t)
  const { token } = await setting.issuer.issue({ identity: alice, scopes })
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
  const identity = await verifier.authenticate(`Bearer ${await sign(key, { access })}`)
  assert.deepEqual(identity.ceiling, new ScopesCeiling(parseScopes(['repository:a:pull'])))
})

test('keys rotate without logging anybody out, until the old one is not given any more', async (t) => {
  const setting = await start(t)
  const { key, keys, issuer, verifier } = setting
  const old = (await issuer.issue({ identity: alice, scopes })).token
  const next = await loadTokenKey(join(await temporaryFolder(t), 'next.key'))
  keys.replace(next, [key])
  const fresh = (await issuer.issue({ identity: alice, scopes })).token
  assert.equal(decodeProtectedHeader(fresh).kid, next.kid)
  assert.equal((await verifier.authenticate(`Bearer ${old}`)).name, 'alice')
  assert.equal((await verifier.authenticate(`Bearer ${fresh}`)).name, 'alice')
  keys.replace(next, [])
  await refuses(setting, old)
  assert.equal((await verifier.authenticate(`Bearer ${fresh}`)).name, 'alice')
})

test('a password that changed while a key rotated ends the tokens of the old key, too', async (t) => {
  const setting = await start(t)
  const { token } = await setting.issuer.issue({ identity: alice, scopes })
  setting.keys.replace(await loadTokenKey(join(await temporaryFolder(t), 'next.key')), [setting.key])
  setting.states.set('alice', '$2y$05$new')
  await refuses(setting, token)
})

test('a token for a core is none for us, also when the core has our name', async (t) => {
  const setting = await start(t)
  const core = new CoreTokens({ keys: setting.keys, issuer: ISSUER, service: SERVICE })
  await refuses(setting, (await core.mint('repository:team/web:pull')).token)
})

test('what is no token is refused', async (t) => {
  const setting = await start(t)
  for (const garbage of ['', 'x', 'a.b.c', 'a.b.c.d', '..', `${'a'.repeat(4000)}.b.c`, 'ä.ö.ü'])
    await refuses(setting, garbage)
})

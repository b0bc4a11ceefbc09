// Identities from elsewhere through the whole gateway: ID tokens, a directory, client certificates, and one that is down.
import assert from 'node:assert/strict'
import { copyFile } from 'node:fs/promises'
import { Agent } from 'node:https'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeClientAuthority, type ClientCertificate } from '../support/client-certificates.ts'
import { startGateway, writeConfig, type RunningGateway } from '../support/gateway.ts'
import { send, type RequestOptions } from '../support/http.ts'
import { startOidcProvider } from '../support/oidc-provider.ts'
import { temporaryFolder, type Scope } from '../support/scope.ts'
import { LDAP_BASE, LDAP_READER, startSlapd } from '../support/slapd.ts'
import { until } from '../support/until.ts'

const AUDIENCE = 'registry.example.com'
const PING = '/v2/'
const TAGS = '/v2/team/app/tags/list'
const htpasswd = { file: 'htpasswd' }

interface Error503 {
  readonly errors: readonly { readonly code: string }[]
}

test('an ID token logs in, buys a Bearer token, and both end with its rule', async (t) => {
  const provider = await startOidcProvider(t, [AUDIENCE])
  const rule = { issuer: provider.issuer, audience: AUDIENCE, when: { ref: 'refs/heads/*' }, groups: ['ci'] }
  const access = [{ repositories: ['team/**'], pull: ['@oidc:ci'] }]
  const config = { auth: { htpasswd, oidc: [{ ...rule, name: 'repository' }] }, access }
  const gateway = await startGateway(t, { config })
  const claims = { sub: 'x', repository: 'acme/app', padding: 'x'.repeat(1200) }
  const password = await provider.idToken({ ...claims, ref: 'refs/heads/main' })
  const account = { username: 'oidc', password }
  assert.equal((await ask(gateway, TAGS, { account })).status, 404)
  const token = await tokenOf(gateway, { account })
  assert.equal((await ask(gateway, TAGS, { token })).status, 404)
  const tag = await provider.idToken({ ...claims, ref: 'refs/tags/v1' })
  assert.equal((await ask(gateway, TAGS, { account: { ...account, password: tag } })).status, 401)
  await writeConfig(gateway.configFile, { ...config, auth: { htpasswd, oidc: [] } })
  await until('the token has ended', async () => (await ask(gateway, TAGS, { token })).status === 401)
  assert.equal((await ask(gateway, TAGS, { account })).status, 401)
})

test('a directory logs in beside the password file, and its outage takes nobody else along', async (t) => {
  const slapd = await startSlapd(t, { people: { carol: 'carol-secret' }, groups: { dev: ['carol'] } })
  const folder = await temporaryFolder(t)
  await copyFile(slapd.caFile, join(folder, 'ldap-ca.crt'))
  const groups = { base: `ou=groups,${LDAP_BASE}` }
  const bind = { bindDn: LDAP_READER.dn, bindPassword: LDAP_READER.password }
  const ldap = { url: slapd.url, ca: 'ldap-ca.crt', ...bind, base: LDAP_BASE, groups, cacheTtl: '1s' }
  const access = [{ repositories: ['team/**'], pull: ['@ldap:dev', 'alice'] }]
  const gateway = await startGateway(t, { folder, config: { auth: { htpasswd, ldap }, access } })
  const carol = { username: 'carol', password: 'carol-secret' }
  const alice = { username: 'alice', password: 'alice-secret' }
  assert.equal((await ask(gateway, TAGS, { account: carol })).status, 404)
  assert.equal((await ask(gateway, TAGS, { token: await tokenOf(gateway, { account: carol }) })).status, 404)
  assert.equal((await ask(gateway, PING, { account: { ...carol, password: 'wrong' } })).status, 401)
  await slapd.kill()
  assert.equal((await ask(gateway, TAGS, { account: alice })).status, 404)
  for (const path of [PING, '/token']) {
    const answer = await ask(gateway, path, { account: { ...carol, password: 'another' } })
    assert.equal(answer.status, 503)
    assert.match(answer.headers['retry-after'] ?? '', /^\d+$/)
    assert.equal(answer.json<Error503>().errors[0]?.code, 'UNAVAILABLE')
  }
  await until('the outage is logged', () =>
    gateway.log().some(({ msg }) => msg?.startsWith('the directory can not be asked')),
  )
  assert.equal(gateway.program.log().includes('another'), false)
})

test('a client certificate stands for an account where no Authorization comes', async (t) => {
  const { gateway, ci } = await withAuthority(t)
  assert.equal((await ask(gateway, PING, withCertificate(t, gateway, ci))).status, 200)
  assert.equal((await ask(gateway, TAGS, withCertificate(t, gateway, ci))).status, 404)
  const token = await tokenOf(gateway, withCertificate(t, gateway, ci))
  assert.equal((await ask(gateway, TAGS, { token })).status, 404)
  await until('the request is logged', () => gateway.log().some(({ user }) => user === 'cert:ci'))
})

test('an Authorization header counts for more than a certificate', async (t) => {
  const { gateway, ci } = await withAuthority(t)
  const bob = { username: 'bob', password: 'bob-secret' }
  const shown = withCertificate(t, gateway, ci)
  assert.equal((await ask(gateway, TAGS, { ...shown, account: bob })).status, 403)
  assert.equal((await ask(gateway, TAGS, { ...shown, account: { ...bob, password: 'wrong' } })).status, 401)
})

test('who shows no certificate, or speaks of one in a header, is challenged', async (t) => {
  const { gateway, ci } = await withAuthority(t)
  assert.equal((await ask(gateway, PING)).status, 401)
  const claimed = encodeURIComponent(ci.cert)
  const headers = {
    'X-Client-Cert': claimed,
    'X-SSL-Client-Verify': 'SUCCESS',
    'X-SSL-Client-S-DN': 'CN=ci',
    'Client-Cert': claimed,
  }
  assert.equal((await ask(gateway, PING, { headers })).status, 401)
})

test('new authorities are taken over while it runs, and those of the former ones are nobody', async (t) => {
  const { gateway, ci, folder } = await withAuthority(t)
  const other = await makeClientAuthority(t)
  const agent = withCertificate(t, gateway, ci)
  assert.equal((await ask(gateway, PING, agent)).status, 200)
  await copyFile(other.file, join(folder, 'clients.crt'))
  await until('the certificate is refused', async () => {
    // A request may run into the end of the connection that it was sent on.
    const answer = await ask(gateway, PING, agent).catch(() => undefined)
    return answer?.status === 401
  })
  const theirs = await other.issue('/CN=ci')
  assert.equal((await ask(gateway, PING, withCertificate(t, gateway, theirs))).status, 200)
})

async function withAuthority(t: Scope) {
  const [folder, authority] = [await temporaryFolder(t), await makeClientAuthority(t)]
  await copyFile(authority.file, join(folder, 'clients.crt'))
  const listen = [{ address: '127.0.0.1:0', tls: 'auto', clientCas: ['clients.crt'] }]
  const access = [{ repositories: ['team/**'], pull: ['cert:ci'] }]
  const gateway = await startGateway(t, { folder, config: { listen, access } })
  return { gateway, folder, ci: await authority.issue('/CN=ci') }
}

function withCertificate(t: Scope, { ca }: RunningGateway, { cert, key }: ClientCertificate): RequestOptions {
  const agent = new Agent({ ca, cert, key, keepAlive: true })
  t.after(() => agent.destroy())
  return { agent }
}

function ask({ url, ca }: RunningGateway, path: string, options: RequestOptions = {}) {
  return send(`${url}${path}`, { ca, ...options })
}

async function tokenOf(gateway: RunningGateway, options: RequestOptions): Promise<string> {
  const scope = encodeURIComponent('repository:team/app:pull')
  const answer = await ask(gateway, `/token?scope=${scope}`, options)
  assert.equal(answer.status, 200)
  return answer.json<{ token: string }>().token
}

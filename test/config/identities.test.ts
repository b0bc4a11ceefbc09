import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { load, MINIMAL, problems } from './config-folder.ts'

test('rules about ID tokens are taken over, one text for a list of one', async (t) => {
  const yaml = `${MINIMAL}
auth:
  oidc:
    - { issuer: "https://ci.example.com/", audience: registry, when: { ref: main }, jwksFile: keys.json }
`
  const { config, cwd } = await load(t, yaml, { files: { 'keys.json': '{}' } })
  const issuer = 'https://ci.example.com/'
  const jwksFile = join(cwd, 'keys.json')
  assert.deepEqual(config.auth.oidc, [
    { issuer, audience: ['registry'], when: { ref: ['main'] }, groups: [], jwksFile },
  ])
})

test('an issuer is an https URL, and its rules agree on its keys', async (t) => {
  const yaml = `${MINIMAL}
auth:
  oidc:
    - { issuer: "http://ci.example.com", audience: a }
    - { issuer: "https://u:p@ci.example.com", audience: a }
    - { issuer: "http://127.0.0.1:8080", audience: [] }
    - { issuer: "https://ci.example.com?a=b", audience: a }
`
  const wrong = 'must be an https URL (http is for this machine alone), without user or fragment'
  assert.deepEqual(await messages(t, yaml), [
    `auth.oidc[0].issuer: ${wrong}`,
    `auth.oidc[1].issuer: ${wrong}`,
    'auth.oidc[2].audience: must not be empty',
    'auth.oidc[3].issuer: must be without a query',
  ])
  const keys = `${MINIMAL}
auth:
  oidc:
    - { issuer: "https://a.example.com", audience: a, name: "a/\${sub}", jwksUrl: "https://a.example.com/keys" }
    - { issuer: "https://a.example.com", audience: b, name: "a/\${sub}" }
    - { issuer: "https://b.example.com", audience: b, name: "b/\${sub}", jwksUrl: "https://b.example.com/x", jwksFile: keys.json }
`
  assert.deepEqual(await messages(t, keys, { files: { 'keys.json': '{}' } }), [
    'auth.oidc[1]: has other keys (jwksUrl, jwksFile, ca) than an earlier rule of the same issuer',
    'auth.oidc[2].jwksFile: is one place of the keys, jwksUrl another: leave one out',
  ])
})

test('two issuers can not give the same name', async (t) => {
  const rule = (issuer: string, name: string) =>
    `    - { issuer: "https://${issuer}", audience: a, name: '${name}' }\n`
  const same = `${MINIMAL}\nauth:\n  oidc:\n${rule('a.example.com', 'sub')}${rule('b.example.com', '${sub}')}`
  const message =
    "gives names that https://a.example.com can give, too: put a word in front of each, as in 'gitlab/${project_path}'"
  assert.deepEqual(await messages(t, same), [`auth.oidc[1].name: ${message}`])
  // A subject may be `b/c` as well.
  const below = `${MINIMAL}\nauth:\n  oidc:\n${rule('a.example.com', 'sub')}${rule('b.example.com', 'b/${sub}')}`
  assert.deepEqual(await messages(t, below), [`auth.oidc[1].name: ${message}`])
  const apart = `${MINIMAL}\nauth:\n  oidc:\n${rule('a.example.com', 'a/${sub}')}${rule('b.example.com', 'b/${sub}')}`
  assert.deepEqual(await messages(t, apart), [])
})

test('a directory is asked over TLS unless it is said twice that it is not', async (t) => {
  const ldap = (text: string) => `${MINIMAL}\nauth: { ldap: { base: "dc=x", ${text} } }\n`
  const startTls = async (text: string) => (await load(t, ldap(text))).config.auth.ldap?.startTls
  assert.equal(await startTls('url: "ldap://x"'), true)
  assert.equal(await startTls('url: "ldap://x", insecure: true'), false)
  assert.equal(await startTls('url: "ldap://x", insecure: true, startTls: true'), true)
  assert.equal(await startTls('url: "ldaps://x"'), false)
  assert.deepEqual(await messages(t, ldap('url: "ldap://x", startTls: false')), [
    'auth.ldap.startTls: leaves passwords in the clear; if that is meant, add insecure: true',
  ])
  assert.deepEqual(await messages(t, ldap('url: "ldaps://x", startTls: true')), [
    'auth.ldap.startTls: is for ldap://, not for ldaps://',
  ])
})

test('the password for searching comes from a file', async (t) => {
  const ldap = (text: string) => `${MINIMAL}\nauth: { ldap: { url: "ldaps://x", base: "dc=x", ${text} } }\n`
  const bind = 'bindDn: "cn=reader", bindPasswordFile: secret'
  const { config } = await load(t, ldap(bind), { files: { secret: 'word\n' } })
  assert.deepEqual(config.auth.ldap?.account, { dn: 'cn=reader', password: 'word' })
  assert.deepEqual(await messages(t, ldap(bind)), ['auth.ldap.bindPasswordFile: secret does not exist'])
  assert.deepEqual(await messages(t, ldap('bindDn: "cn=reader"')), [
    'auth.ldap.bindDn: needs bindPasswordFile',
  ])
  assert.deepEqual(
    await messages(t, ldap('filter: "(uid=*)", groups: { base: "dc=x", filter: "member=${dn}" }')),
    [
      'auth.ldap.filter: must hold ${user}, the name that somebody logs in with',
      'auth.ldap.groups.filter: must be a filter such as (uid=${user})',
    ],
  )
})

test('certificates of clients are asked for beside any kind of tls', async (t) => {
  const files = { 'ca.crt': '', 'a.crt': '', 'a.key': '' }
  const listen = (text: string) => `${MINIMAL}\nlisten: [{ address: ":443", ${text} }]\n`
  const tls = 'tls: { certificate: a.crt, key: a.key, clientCas: [ca.crt] }'
  const { config, cwd } = await load(t, listen('tls: auto, clientCas: [ca.crt]'), { files })
  const clientCas = { files: [join(cwd, 'ca.crt')], isRequired: false }
  assert.deepEqual(config.listen[0]?.clientCas, clientCas)
  assert.deepEqual(config.auth.clientCertificates, { user: 'cn', prefix: 'cert:' })
  const required = await load(t, listen(`${tls}, requireClientCertificate: true`), { files })
  assert.equal(required.config.listen[0]?.clientCas?.isRequired, true)
  assert.deepEqual(await messages(t, listen(`${tls}, clientCas: [ca.crt]`), { files }), [
    'listen[0].clientCas: is in tls already: leave one out',
  ])
})

test('certificates that nobody asks for, or that pass for somebody else, are refused', async (t) => {
  const yaml = `${MINIMAL}
listen:
  - { address: ":443", clientCas: [ca.crt] }
  - { address: ":444", tls: auto, requireClientCertificate: true }
`
  assert.deepEqual(await messages(t, yaml, { files: { 'ca.crt': '' } }), [
    'listen[0].clientCas: is for a listener with tls',
    'listen[1].requireClientCertificate: needs clientCas: who signs the certificates',
  ])
  const auth = (prefix: string) => `${MINIMAL}\nauth: { clientCertificates: { prefix: "${prefix}" } }\n`
  assert.deepEqual(await messages(t, auth('cert:')), [
    'auth.clientCertificates: is never asked: no listener has clientCas',
  ])
  assert.deepEqual(await messages(t, auth('ldap:')), [
    'auth.clientCertificates.prefix: is the prefix of other accounts',
  ])
})

/** What is wrong, without where. */
async function messages(...question: Parameters<typeof problems>): Promise<string[]> {
  return (await problems(...question)).map((line) => line.replace(/^c\.yml:\d+:\d+: /, ''))
}

test('a token server and client certificates can not give the same name', async (t) => {
  const yaml = `${MINIMAL}
auth:
  clientCertificates: { prefix: 'ci:' }
  externalTokens: [{ source: ci, issuer: i, service: s, certificates: ca.pem }]
`
  const found = await messages(t, yaml, { files: { 'ca.pem': '' } })
  assert(found.includes('auth.externalTokens[0].source: "ci" is the name of another source already'))
})

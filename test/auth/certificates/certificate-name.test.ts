// Names in certificates: what openssl writes, and what nobody should.
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { certificateName, type CertificateNaming } from '../../../src/auth/certificates/certificate-name.ts'
import { subjectAltNames } from '../../../src/auth/certificates/subject-alt-names.ts'
import { makeClientAuthority } from '../../support/client-certificates.ts'
import { fileScope } from '../../support/scope.ts'
import { fuzzRuns } from '../../support/fuzz.ts'

const authority = await makeClientAuthority(fileScope())

async function nameIn(subject: string, naming: Partial<CertificateNaming> = {}, alternatives: string[] = []) {
  const { cert } = await authority.issue(subject, alternatives)
  return certificateName(new X509Certificate(cert), { user: 'cn', prefix: 'cert:', ...naming })
}

test('the common name, or an alternative name of the kind that was asked for, names the account', async () => {
  assert.equal(await nameIn('/O=Acme/CN=ci'), 'cert:ci')
  const alternatives = [
    'email:ci@example.com',
    'URI:spiffe://example.com/ci',
    'DNS:ci.example.com',
    'IP:127.0.0.1',
  ]
  assert.equal(await nameIn('/CN=x', { user: 'san-email' }, alternatives), 'cert:ci@example.com')
  assert.equal(await nameIn('/CN=x', { user: 'san-uri' }, alternatives), 'cert:spiffe://example.com/ci')
  assert.equal(await nameIn('/CN=x', { user: 'san-dns' }, alternatives), 'cert:ci.example.com')
})

test('a certificate without the name, or with several, names nobody', async () => {
  assert.equal(await nameIn('/O=Acme'), undefined)
  assert.equal(await nameIn('/CN=ci/CN=admin'), undefined)
  assert.equal(await nameIn('/CN=ci', { user: 'san-dns' }), undefined)
  assert.equal(
    await nameIn('/CN=ci', { user: 'san-dns' }, ['DNS:a.example.com', 'DNS:b.example.com']),
    undefined,
  )
})

test('special characters stay in the name that they are in', async () => {
  assert.equal(await nameIn('/CN=Zoë, of: "ops"'), 'cert:Zoë, of: "ops"')
  assert.equal(await nameIn('/CN=a\nCN=admin'), undefined)
  assert.equal(await nameIn('/O=CN=admin/CN=ci'), 'cert:ci')
  const sneaky = ['URI:https://a.example.com/?x=1, DNS:admin']
  assert.equal(await nameIn('/CN=x', { user: 'san-dns' }, sneaky), undefined)
})

test('without a prefix a name is that of an account here, and passes for nobody from elsewhere', async () => {
  assert.equal(await nameIn('/CN=ci', { prefix: '' }), 'ci')
  for (const name of ['ldap:bob', 'robot:ci', '$anonymous', '@ops'])
    assert.equal(await nameIn(`/CN=${name}`, { prefix: '' }), undefined)
})

test('alternative names in quotes are read as they are, and text that makes no sense names nobody', () => {
  const text = 'DNS:a.example.com, email:"odd, DNS:admin@\\"x", DNS:"b\\u0000c"'
  assert.deepEqual(subjectAltNames(text, 'DNS'), ['a.example.com', 'b\u0000c'])
  assert.deepEqual(subjectAltNames(text, 'email'), ['odd, DNS:admin@"x'])
  for (const bad of ['DNS:a, ,DNS:b', 'DNS:a"b', 'DNS:"a', 'nothing', ', DNS:a', 'DNS:a,DNS:b', 'DNS:"\\x"'])
    assert.deepEqual(subjectAltNames(bad, 'DNS'), [])
})

test('whatever an alternative name holds, it adds no other name', () => {
  const written = (value: string) => (/[^a-z0-9.@]/i.test(value) ? JSON.stringify(value) : value)
  const entry = fc.tuple(fc.constantFrom('DNS', 'email', 'URI', 'IP Address'), fc.string({ unit: 'binary' }))
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 5 }), (entries) => {
      const text = entries.map(([kind, value]) => `${kind}:${written(value)}`).join(', ')
      const expected = entries.filter(([kind]) => kind === 'DNS').map(([, value]) => value)
      assert.deepEqual(subjectAltNames(text, 'DNS'), expected)
    }),
    { numRuns: fuzzRuns(2000) },
  )
})

test('no text breaks the reading of alternative names', () => {
  const piece = fc.constantFrom('DNS:', 'email:', ', ', '"', '\\', 'a', ':', ',', ' ', '\n', '\u0000')
  const text = fc.oneof(
    fc.string(),
    fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join('')),
  )
  fc.assert(
    fc.property(text, (any) => subjectAltNames(any, 'DNS').every((name) => any.length >= name.length)),
    { numRuns: fuzzRuns(5000) },
  )
})

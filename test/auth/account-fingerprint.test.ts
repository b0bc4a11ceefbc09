import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { AccountFingerprints } from '../../src/auth/account-fingerprint.ts'
import { loadTokenKey } from '../../src/auth/token-key.ts'
import { temporaryFolder } from '../support/scope.ts'

const alice = { backend: 'htpasswd', key: 'alice' }
const STATE = '$2y$05$one'

test('a fingerprint is of one account in one state', async (t) => {
  const fingerprints = new AccountFingerprints(
    await loadTokenKey(join(await temporaryFolder(t), 'token.key')),
  )
  const claim = fingerprints.of(alice, STATE)
  assert.equal(fingerprints.matches(claim, { ...alice }, STATE), true)
  assert.equal(fingerprints.matches(claim, alice, '$2y$05$two'), false)
  assert.equal(fingerprints.matches(claim, { ...alice, key: 'bob' }, STATE), false)
  assert.equal(fingerprints.matches(claim, { ...alice, backend: 'ldap' }, STATE), false)
  for (const garbage of [undefined, '', 'x', claim.slice(1), `${claim}AA`, 1, {}, [claim]])
    assert.equal(fingerprints.matches(garbage, alice, STATE), false)
})

test('workers that share the token key agree, and nobody else can compute a fingerprint', async (t) => {
  const folder = await temporaryFolder(t)
  const of = async (key: string) =>
    new AccountFingerprints(await loadTokenKey(join(folder, key))).of(alice, STATE)
  const claim = await of('one.key')
  assert.match(claim, /^[\w-]{22}$/)
  assert.equal(await of('one.key'), claim)
  assert.notEqual(await of('two.key'), claim)
})

// The digests that node:crypto does not have, against the examples of their standards.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encrypt, keySchedule, type Block } from '../../../src/auth/hashes/des.ts'
import { md4 } from '../../../src/auth/hashes/md4.ts'
import { streebog256 } from '../../../src/auth/hashes/streebog.ts'

test('MD4 is that of RFC 1320, appendix A.5', () => {
  const digests = {
    '': '31d6cfe0d16ae931b73c59d7e0c089c0',
    abc: 'a448017aaf21d8525fc10ae87aa6729d',
    abcdefghijklmnopqrstuvwxyz: 'd79e1c308aa5bbcdeea8ed63df412da9',
    ['1234567890'.repeat(8)]: 'e33b4ddc9c38f2199c3e7b164fcc0536',
  }
  for (const [message, digest] of Object.entries(digests))
    assert.equal(md4(Buffer.from(message)).toString('hex'), digest)
})

test('Streebog is that of RFC 6986, section 10', () => {
  const first = `${'0123456789'.repeat(6)}012`
  // The RFC prints numbers, the last byte first.
  const second = Buffer.from(
    'fbe2e5f0eee3c820fbeafaebef20fffbf0e1e0f0f520e0ed20e8ece0ebe5f0f2f120fff0eeec20f120faf2fee5e2202ce8f6f3ede220e8e6eee1e8f0f2d1202ce8f0f2e5e220e5d1',
    'hex',
  ).reverse()
  assert.equal(
    streebog256(Buffer.from(first)).toString('hex'),
    '9d151eefd8590b89daa6ba6cb74af9275dd051026bb149a452fd84e5e57b5500',
  )
  assert.equal(
    streebog256(second).toString('hex'),
    '9dd2fe4e90409e5da87f53976d7405b0c0cac628fc669a741d50063c557e8f50',
  )
})

test('DES without a salt is that of FIPS 46-3', () => {
  const key: Block = [0x13345779, 0x9bbcdff1]
  const [high, low] = encrypt([0x01234567, 0x89abcdef], keySchedule(key), 0, 1)
  assert.deepEqual([high >>> 0, low >>> 0], [0x85e81354, 0x0f0ab405])
})

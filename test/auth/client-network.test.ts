import assert from 'node:assert/strict'
import { test } from 'node:test'
import { networkOf, siteOf } from '../../src/auth/client-network.ts'

test('an IPv4 address stands for itself', () => {
  assert.equal(networkOf('192.0.2.1'), '192.0.2.1')
})

test('the addresses of one IPv6 machine count as one, however they are written', () => {
  const machine = [
    '2001:db8:0:7::1',
    '2001:db8:0:7:ffff:ffff:ffff:ffff',
    '2001:0DB8:0000:0007::',
    '2001:db8::7:1:2:3:4',
  ]
  assert.deepEqual(new Set(machine.map(networkOf)), new Set(['2001:db8:0:7::/64']))
  assert.equal(networkOf('::1'), '0:0:0:0::/64')
  assert.equal(networkOf('fe80::1%eth0'), 'fe80:0:0:0::/64')
  assert.notEqual(networkOf('2001:db8:0:8::1'), networkOf('2001:db8:0:7::1'))
})

test('what is no address stands for itself', () => {
  assert.equal(networkOf(''), '')
  assert.equal(networkOf('a:b'), 'a:b')
})

test('all networks that a site may have are one when turns are taken, and an IPv4 address is none of them', () => {
  assert.equal(siteOf(networkOf('2001:db8:1:2::1')), '2001:db8:1::/48')
  assert.equal(siteOf(networkOf('2001:db8:1:ffff:a:b:c:d')), '2001:db8:1::/48')
  assert.equal(siteOf(networkOf('2001:db8:2::1')), '2001:db8:2::/48')
  assert.equal(siteOf('192.0.2.1'), '192.0.2.1')
  assert.equal(siteOf(''), '')
})

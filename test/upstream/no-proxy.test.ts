import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bypassOf } from '../../src/upstream/no-proxy.ts'

const isStraight = (entries: string, url: string): boolean => bypassOf(entries.split(','))(new URL(url))

test('this machine is never reached through a proxy', () => {
  assert.ok(isStraight('', 'http://127.0.0.1:5000/'))
  assert.ok(isStraight('', 'http://localhost/'))
  assert.ok(isStraight('', 'http://[::1]:5000/'))
  assert.equal(isStraight('', 'https://registry.example.com/'), false)
})

test('a host stands for itself and for all below it, with or without a dot in front', () => {
  for (const entry of ['example.com', '.example.com', '*.example.com', ' EXAMPLE.com ']) {
    assert.ok(isStraight(entry, 'https://example.com/'), entry)
    assert.ok(isStraight(entry, 'https://a.b.example.com./'), entry)
    assert.equal(isStraight(entry, 'https://badexample.com/'), false, entry)
  }
})

test('a port restricts an entry to it', () => {
  assert.ok(isStraight('example.com:443', 'https://example.com/'))
  assert.equal(isStraight('example.com:8443', 'https://example.com/'), false)
  assert.ok(isStraight('[2001:db8::1]:8443', 'https://[2001:db8::1]:8443/'))
})

test('addresses and ranges match addresses; names are not resolved for them', () => {
  assert.ok(isStraight('10.0.0.0/8', 'http://10.1.2.3:5000/'))
  assert.ok(isStraight('192.168.1.1', 'http://192.168.1.1/'))
  assert.ok(isStraight('2001:db8::/32', 'http://[2001:db8::5]/'))
  assert.equal(isStraight('10.0.0.0/8', 'http://11.0.0.1/'), false)
  assert.equal(isStraight('10.0.0.0/99', 'http://10.0.0.1/'), false)
  assert.equal(isStraight('0.0.0.0/0', 'http://example.com/'), false)
})

test('a star is everything', () => {
  assert.ok(isStraight('example.org,*', 'https://registry.example.com/'))
})

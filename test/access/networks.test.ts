import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Networks } from '../../src/access/networks.ts'

const holds = (ranges: string[], address: string | undefined): boolean =>
  new Networks(ranges).includes(address)

test('ranges and single addresses of both families hold what lies in them', () => {
  const networks = new Networks(['10.0.0.0/8', '192.0.2.7', 'fd00::/8', '2001:db8::1'])
  const inside = ['10.0.0.0', '10.255.255.255', '192.0.2.7', 'fdff::1', '2001:db8::1', '2001:DB8:0:0::1']
  const outside = ['11.0.0.0', '9.255.255.255', '192.0.2.8', 'fe00::1', '2001:db8::2', '::1']
  assert.deepEqual(
    inside.filter((address) => !networks.includes(address)),
    [],
  )
  assert.deepEqual(
    outside.filter((address) => networks.includes(address)),
    [],
  )
})

test('an IPv4 client is the same client in every spelling of its mapped IPv6 address', () => {
  const spellings = ['10.1.2.3', '::ffff:10.1.2.3', '::FFFF:a01:203', '0:0:0:0:0:ffff:10.1.2.3']
  for (const range of ['10.0.0.0/8', '::ffff:10.0.0.0/104', '::ffff:a00:0/104', '::ffff:10.1.2.3'])
    assert.deepEqual(
      spellings.map((address) => holds([range], address)),
      [true, true, true, true],
      range,
    )
  assert.equal(holds(['10.0.0.0/8'], '::ffff:11.1.2.3'), false)
  assert.equal(holds(['10.0.0.0/8'], '::10.1.2.3'), false)
})

test('all of one family is nothing of the other', () => {
  assert.equal(holds(['::/0'], '10.1.2.3'), false)
  assert.equal(holds(['::/0'], '::ffff:10.1.2.3'), false)
  assert.equal(holds(['::/0'], '2001:db8::1'), true)
  assert.equal(holds(['0.0.0.0/0'], '2001:db8::1'), false)
  assert.equal(holds(['0.0.0.0/0'], '::ffff:10.1.2.3'), true)
})

test('what is no address lies nowhere', () => {
  const texts = [
    undefined,
    '',
    'unix',
    '10.1.2',
    '10.1.2.3, 10.1.2.4',
    '010.1.2.3',
    'fe80::1%eth0%',
    '10.1.2.3\n',
  ]
  for (const text of texts) assert.equal(holds(['0.0.0.0/0', '::/0'], text), false, String(text))
})

test('a range is what its bits say', () => {
  const byte = fc.integer({ min: 0, max: 255 })
  const address = fc.tuple(byte, byte, byte, byte)
  const bitsOf = (parts: readonly number[]) => parts.map((part) => part.toString(2).padStart(8, '0')).join('')
  fc.assert(
    fc.property(address, address, fc.integer({ min: 0, max: 32 }), (base, asked, length) => {
      const expected = bitsOf(base).slice(0, length) === bitsOf(asked).slice(0, length)
      assert.equal(holds([`${base.join('.')}/${length}`], asked.join('.')), expected)
    }),
    { numRuns: 500 },
  )
})

test('what is no range is refused', () => {
  for (const range of [
    '',
    '10.0.0.0/33',
    '::/129',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    'localhost',
    '10.0.0.0/-1',
    'fe80::%1/10',
  ])
    assert.throws(() => new Networks([range]), RangeError, range)
})

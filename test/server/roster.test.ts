import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Roster } from '../../src/server/roster.ts'

test('who has entered is there until it leaves', () => {
  const roster = new Roster<string>()
  const [first, second] = [roster.enter('first'), roster.enter('second')]
  roster.leave(first)
  assert.deepEqual([...roster], ['second'])
  roster.enter('third')
  roster.leave(second)
  assert.deepEqual([...roster], ['third'])
  assert.equal(
    roster.some((item) => item === 'third'),
    true,
  )
  assert.equal(
    roster.some((item) => item === 'first'),
    false,
  )
})

test('a place that was left is taken again, so that much coming and going takes no room', () => {
  const roster = new Roster<number>()
  const standing = roster.enter(-1)
  const places = new Set<number>()
  for (let count = 0; count < 1000; count++) {
    const place = roster.enter(count)
    places.add(place)
    roster.leave(place)
  }
  assert.equal(places.size, 1)
  assert.deepEqual([...roster], [-1])
  assert.ok(!places.has(standing))
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Change } from '../../src/cache/change-bus.ts'
import { PeerChangeBus } from '../../src/cache/peer-change-bus.ts'
import { linkPeers } from '../support/linked-peers.ts'

/** What each of a primary and two workers hears. */
function linkedBuses() {
  const link = linkPeers()
  const peers = [link.primary, link.join(), link.join()]
  const heard = peers.map((): Change[] => [])
  const buses = peers.map((each, index) => {
    const bus = new PeerChangeBus(each)
    bus.subscribe((change) => heard[index]?.push(change))
    return bus
  })
  const [primary, one, other] = buses
  assert.ok(primary && one && other)
  return { link, peers, heard, primary, one, other }
}

test('a change has reached every other process, and not its own, when the announcement resolves', async () => {
  const { heard, one, primary } = linkedBuses()
  await one.announce({ topic: 'main|a/b', item: 'latest' })
  const change = { topic: 'main|a/b', item: 'latest' }
  assert.deepEqual(heard, [[change], [], [change]])
  await primary.announce({ topic: 'main|a/b' })
  assert.deepEqual(heard, [[change], [{ topic: 'main|a/b' }], [change, { topic: 'main|a/b' }]])
})

test('a process that is gone is not waited for', async () => {
  const { link, peers, heard, one } = linkedBuses()
  const [, , last] = peers
  assert.ok(last)
  const announced = one.announce({ topic: 'main|a/b' })
  link.end(last)
  await announced
  await one.announce({ topic: 'main|c' })
  assert.deepEqual(heard[2], [])
})

test('what is known holds until somebody changes it', () => {
  assert.equal(linkedBuses().one.lease(), undefined)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PeerLocks } from '../../src/cache/peer-locks.ts'
import { noPeers } from '../../src/cache/peers.ts'
import { linkPeers } from '../support/linked-peers.ts'
import { until } from '../support/until.ts'

/** Locks of a primary and two workers. */
function linkedLocks() {
  const link = linkPeers()
  const [first, second] = [link.join(), link.join()]
  const [primary, one, other] = [link.primary, first, second].map((peers) => new PeerLocks(peers, 'test'))
  assert.ok(primary && one && other)
  return { link, first, primary, one, other }
}

/** Counts who is at work at once, over many pieces of work in all processes. */
async function mostAtOnce(run: (work: () => Promise<void>) => Promise<unknown>[]): Promise<number> {
  let [atWork, most] = [0, 0]
  const work = async () => {
    most = Math.max(most, (atWork += 1))
    for (let round = 0; round < 5; round += 1) await new Promise(setImmediate)
    atWork -= 1
  }
  await Promise.all(run(work))
  return most
}

test('of all processes one at a time works alone on a key', async () => {
  const { primary, one, other } = linkedLocks()
  const all = [primary, one, other, one, primary, other]
  assert.equal(await mostAtOnce((work) => all.map((locks) => locks.alone('a', work))), 1)
})

test('shared work of several processes goes side by side, and keys do not wait for each other', async () => {
  const { primary, one, other } = linkedLocks()
  assert.equal(await mostAtOnce((work) => [primary, one, other].map((locks) => locks.shared('a', work))), 3)
  const keys = ['a', 'b', 'c']
  assert.equal(await mostAtOnce((work) => keys.map((key) => one.alone(key, work))), 3)
})

test('work that goes alone waits for shared work of another process, and holds up what comes later', async () => {
  const { one, other } = linkedLocks()
  const order: string[] = []
  const end = Promise.withResolvers<void>()
  const push = one.shared('a', async () => {
    order.push('push')
    await end.promise
  })
  await until('the push is under way', () => order.length === 1)
  const deletion = other.alone('a', async () => void order.push('delete'))
  const later = other.shared('a', async () => void order.push('later push'))
  end.resolve()
  await Promise.all([push, deletion, later])
  assert.deepEqual(order, ['push', 'delete', 'later push'])
})

test('what a process held is free when it is gone, and what it waited for goes to the next', async () => {
  const { link, first, primary, one, other } = linkedLocks()
  let isHeld = false
  void one.alone('a', () => {
    isHeld = true
    return new Promise(() => {})
  })
  await until('it is held', () => isHeld)
  void one.alone('a', () => assert.fail('it is gone'))
  const next = other.alone('a', async () => 'other')
  link.end(first)
  assert.equal(await next, 'other')
  assert.equal(await primary.alone('a', async () => 'primary'), 'primary')
})

test('work that fails frees its key in every process', async () => {
  const { one, other } = linkedLocks()
  await assert.rejects(
    one.alone('a', () => Promise.reject(new Error('no'))),
    /no/,
  )
  assert.equal(await other.alone('a', async () => 'free'), 'free')
})

test('several locks of one topic in one process are one', async () => {
  const link = linkPeers()
  new PeerLocks(link.primary, 'test')
  const worker = link.join()
  const all = [new PeerLocks(worker, 'test'), new PeerLocks(worker, 'test'), new PeerLocks(worker, 'test')]
  assert.equal(await mostAtOnce((work) => all.map((locks) => locks.alone('a', work))), 1)
  assert.equal(await mostAtOnce((work) => all.map((locks) => locks.shared('a', work))), 3)
  assert.equal(await all[0]?.alone('a', async () => 'free'), 'free')
})

test('a process that is alone asks nobody', async () => {
  const locks = new PeerLocks({ ...noPeers(), askPrimary: () => assert.fail('asked') }, 'test')
  assert.equal(await locks.alone('a', async () => 'done'), 'done')
  assert.equal(await mostAtOnce((work) => [locks.shared('a', work), locks.alone('a', work)]), 1)
})

// The fences of a primary and its workers: what one of them counts on is not taken, and nothing is known of one that is gone.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Peers } from '../../../../src/cache/peers.ts'
import { AnsweredFence } from '../../../../src/core/bundled/gc/answered-fence.ts'
import { Fence } from '../../../../src/core/bundled/gc/fence.ts'
import { Leases } from '../../../../src/core/bundled/gc/leases.ts'
import { SharedFence } from '../../../../src/core/bundled/gc/shared-fence.ts'
import { digestOf } from '../../../../src/oci/digest.ts'
import { linkPeers } from '../../../support/linked-peers.ts'
import { until } from '../../../support/until.ts'

const [A, B, C] = [digestOf('a'), digestOf('b'), digestOf('c')]
const GRACE = 1000

/** A primary, and workers that join it; all by one clock. */
function linkedFences() {
  const link = linkPeers()
  let time = 10 * GRACE
  const now = () => time
  const fenceOf = () => new Fence(new Leases({ graceMs: GRACE, now, knownSince: 0 }))
  const own = fenceOf()
  const shared = new SharedFence({ fence: own, peers: link.primary, topic: 'test' })
  const join = async (): Promise<{ peers: Peers; fence: Fence }> => {
    const [peers, fence] = [link.join(), fenceOf()]
    await AnsweredFence.join({ fence, peers, topic: 'test' })
    return { peers, fence }
  }
  const pass = (ms: number) => void (time += ms)
  return { link, own, shared, join, pass, now }
}

/** Whether each of the digests could be taken; they are let go again. */
async function canTake({ shared }: { shared: SharedFence }, ...digests: (typeof A)[]): Promise<boolean[]> {
  const releases = await shared.take(digests.map((digest) => [digest]))
  for (const release of releases) release?.()
  return releases.map((release) => release !== undefined)
}

test('what any process holds or has confirmed is not taken', async () => {
  const fences = linkedFences()
  const [one, other] = [await fences.join(), await fences.join()]
  const hold = await one.fence.hold([A])
  other.fence.leases.touch(B)
  assert.deepEqual(await canTake(fences, A, B, C), [false, false, true])
  assert.deepEqual(await fences.shared.protectedAmong([A, B, C]), new Set([A, B]))
  hold.release(false)
  fences.pass(3 * GRACE)
  assert.deepEqual(await canTake(fences, A, B, C), [true, true, true])
})

test('a request in any process waits for a deletion that is under way, and no longer', async () => {
  const fences = linkedFences()
  const [one, other] = [await fences.join(), await fences.join()]
  const [release] = await fences.shared.take([[A, B]])
  assert.ok(release)
  const order: string[] = []
  const asked = [one, other].map(({ fence }) => fence.during([B], async () => void order.push('asked')))
  await one.fence.during([C], async () => void order.push('another'))
  order.push('deleted')
  release()
  await Promise.all(asked)
  assert.deepEqual(order, ['another', 'deleted', 'asked', 'asked'])
})

test('what one process refuses the others let go of at once', async () => {
  const fences = linkedFences()
  const [one, other] = [await fences.join(), await fences.join()]
  one.fence.leases.touch(A)
  assert.deepEqual(await fences.shared.take([[A]]), [undefined])
  await other.fence.during([A], async () => undefined)
  await fences.own.during([A], async () => undefined)
})

test('nothing expires in any process while a collection runs, also in one that joins meanwhile', async () => {
  const fences = linkedFences()
  const one = await fences.join()
  one.fence.leases.touch(A)
  const thaw = await fences.shared.freeze()
  const late = await fences.join()
  late.fence.leases.touch(B)
  fences.pass(5 * GRACE)
  assert.deepEqual(await canTake(fences, A, B, C), [false, false, true])
  await thaw()
  fences.pass(3 * GRACE)
  assert.deepEqual(await canTake(fences, A, B), [true, true])
  const next = await fences.join()
  next.fence.leases.touch(A)
  fences.pass(3 * GRACE)
  assert.deepEqual(await canTake(fences, A), [true])
})

test('with a process goes what it knew: nothing before its end counts as known', async () => {
  const fences = linkedFences()
  const [one, other] = [await fences.join(), await fences.join()]
  assert.equal(fences.shared.knownSince, 0)
  fences.link.end(one.peers)
  await until('its end is noticed', () => fences.shared.knownSince === fences.now())
  const before = fences.now()
  fences.pass(GRACE)
  const taking = fences.shared.take([[A]])
  fences.link.end(other.peers)
  await taking
  // Nobody was told of the end yet, but its answer is missing.
  assert.equal(fences.shared.knownSince, before + GRACE)
})

test('a process begins to serve when nothing is taken that it does not know of', async () => {
  const fences = linkedFences()
  await fences.join()
  const [release] = await fences.shared.take([[A]])
  let hasJoined = false
  const joining = fences.join().then((joined) => {
    hasJoined = true
    return joined
  })
  assert.deepEqual(await canTake(fences, B), [true])
  assert.equal(hasJoined, false)
  release?.()
  const { fence } = await joining
  const hold = await fence.hold([A])
  assert.deepEqual(await canTake(fences, A), [false])
  hold.release(false)
})

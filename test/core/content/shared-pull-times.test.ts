import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PullTimes } from '../../../src/core/content/pull-times.ts'
import { SharedPullTimes } from '../../../src/core/content/shared-pull-times.ts'
import { FilesystemDriver } from '../../../src/storage/filesystem.ts'
import { linkPeers } from '../../support/linked-peers.ts'
import { temporaryFolder } from '../../support/scope.ts'
import { repository, tag } from './content.ts'

test('what any process noted is known to the one that removes by it', async (t) => {
  const driver = new FilesystemDriver({ root: await temporaryFolder(t), fsync: false })
  const link = linkPeers()
  const [primary, one, other] = await Promise.all(
    [link.primary, link.join(), link.join()].map(async (peers) => {
      const pulls = await PullTimes.open({ driver, now: () => 1000 })
      t.after(() => pulls.close())
      return { pulls, shared: new SharedPullTimes({ pulls, peers, topic: 'pulls' }) }
    }),
  )
  assert.ok(primary && one && other)
  const [team, first, second] = [repository('team/app'), tag('1'), tag('2')]
  one.pulls.note(team, first)
  other.pulls.note(team, second)
  assert.equal(await primary.shared.last(team, first), undefined)
  await primary.shared.flush()
  assert.deepEqual(
    [await primary.shared.last(team, first), await primary.shared.last(team, second)],
    [1000, 1000],
  )
})

test('who removes by pulls is told when a process could not write its own', async (t) => {
  const driver = new FilesystemDriver({ root: await temporaryFolder(t), fsync: false })
  const link = linkPeers()
  const pulls = await PullTimes.open({ driver })
  t.after(() => pulls.close().catch(() => undefined))
  const shared = new SharedPullTimes({ pulls, peers: link.primary, topic: 'pulls' })
  const failing = Object.assign(await PullTimes.open({ driver }), {
    flush: () => Promise.reject(new Error('the disk is full')),
  })
  t.after(() => failing.close().catch(() => undefined))
  new SharedPullTimes({ pulls: failing, peers: link.join(), topic: 'pulls' })
  await assert.rejects(shared.flush(), /the disk is full/)
})

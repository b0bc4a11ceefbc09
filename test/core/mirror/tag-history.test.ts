import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { ContentStore } from '../../../src/core/content/content-store.ts'
import { tagHistoryFolder } from '../../../src/core/content/layout.ts'
import { runAt, TagHistory } from '../../../src/core/mirror/tag-history.ts'
import { TagStates } from '../../../src/core/mirror/tag-states.ts'
import { digestOf } from '../../../src/oci/digest.ts'
import { parseTag } from '../../../src/oci/reference.ts'
import { FilesystemDriver } from '../../../src/storage/filesystem.ts'
import { known } from '../../support/known.ts'
import { temporaryFolder, type Scope } from '../../support/scope.ts'
import { ALPINE } from './mirror-fixture.ts'

const TAG = known(parseTag('3.20'))
const [A, B] = [digestOf('a'), digestOf('b', 'sha512')]

async function historyIn(
  t: Scope,
): Promise<{ history: TagHistory; other: TagHistory; driver: FilesystemDriver }> {
  const root = join(await temporaryFolder(t), 'store')
  const driver = new FilesystemDriver({ root, fsync: false })
  return { history: new TagHistory(driver), other: new TagHistory(driver), driver }
}

test('each change is a run, from when it was first seen to when it was last seen', async (t) => {
  const { history, other } = await historyIn(t)
  await history.record(ALPINE, TAG, { digest: A, seenAt: 100 })
  await history.record(ALPINE, TAG, { digest: A, seenAt: 200 })
  await history.record(ALPINE, TAG, { digest: B, seenAt: 300, beforeAt: 200 })
  await history.record(ALPINE, TAG, { digest: undefined, seenAt: 400, beforeAt: 350 })
  const runs = await history.record(ALPINE, TAG, { digest: A, seenAt: 500 })
  assert.deepEqual(runs, [
    { digest: A, firstSeenAt: 100, lastSeenAt: 200 },
    { digest: B, firstSeenAt: 300, lastSeenAt: 350 },
    { digest: undefined, firstSeenAt: 400, lastSeenAt: 400 },
    { digest: A, firstSeenAt: 500, lastSeenAt: 500 },
  ])
  // Another process reads the same, and so does one that starts later.
  assert.deepEqual(await other.runs(ALPINE, TAG), runs)
  assert.equal(runAt(runs, 99), undefined)
  assert.equal(runAt(runs, 399)?.digest, B)
})

test('processes that see one change at about the same time write one run', async (t) => {
  const { history, other } = await historyIn(t)
  await history.record(ALPINE, TAG, { digest: A, seenAt: 100 })
  await Promise.all([
    history.record(ALPINE, TAG, { digest: B, seenAt: 201, beforeAt: 150 }),
    other.record(ALPINE, TAG, { digest: B, seenAt: 200, beforeAt: 140 }),
  ])
  // What was asked before it, and written after it, changes nothing.
  await other.record(ALPINE, TAG, { digest: A, seenAt: 190 })
  const runs = await history.runs(ALPINE, TAG)
  assert.deepEqual(
    runs.map(({ digest, firstSeenAt }) => [digest, firstSeenAt]),
    [
      [A, 100],
      [B, 200],
    ],
  )
})

test('a tag that was never there has no history, and foreign files are none', async (t) => {
  const { history, driver } = await historyIn(t)
  assert.deepEqual(await history.record(ALPINE, TAG, { digest: undefined, seenAt: 100 }), [])
  await driver.writeAll(`${tagHistoryFolder(ALPINE, TAG)}/notes.txt`, Buffer.from('hello'))
  assert.deepEqual(await history.runs(ALPINE, TAG), [])
})

test('a tag that moves all the time is remembered up to a bound, the latest changes longest', async (t) => {
  const { driver } = await historyIn(t)
  const history = new TagHistory(driver, 9)
  for (let seenAt = 1; seenAt <= 20; seenAt++)
    await history.record(ALPINE, TAG, { digest: seenAt % 2 === 0 ? A : B, seenAt })
  const runs = await history.runs(ALPINE, TAG)
  assert.equal(runs.length, 9)
  assert.equal(runs.at(-1)?.firstSeenAt, 20)
})

test('a tag of which only the state was kept has a history of one moment', async (t) => {
  const root = await temporaryFolder(t)
  const content = new ContentStore(new FilesystemDriver({ root, fsync: false }))
  await new TagStates(content).confirm(ALPINE, TAG, { digest: A, checkedAt: 100 })
  await content.driver.delete(tagHistoryFolder(ALPINE, TAG))
  assert.deepEqual(await new TagStates(content).history(ALPINE, TAG), [
    { digest: A, firstSeenAt: 100, lastSeenAt: 100 },
  ])
})

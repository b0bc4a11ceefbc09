import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { PullTimes } from '../../../src/core/content/pull-times.ts'
import { digestOf } from '../../../src/oci/digest.ts'
import { emptyContent, repository, tag } from './content.ts'

const TEAM = repository('team/app')
const HOUR_MS = 3600_000

test('a pull is known after a restart, and written once an hour at most', async (t) => {
  const { content, root } = await emptyContent(t)
  let clock = 1_000 * HOUR_MS
  const now = () => clock
  const pulls = await PullTimes.open({ driver: content.driver, now })
  pulls.note(TEAM, tag('v1'))
  clock += HOUR_MS / 2
  pulls.note(TEAM, tag('v1'))
  pulls.note(TEAM, digestOf('x'))
  await pulls.close()
  const again = await PullTimes.open({ driver: content.driver, now })
  t.after(() => again.close())
  assert.equal(again.since, 1_000 * HOUR_MS)
  assert.equal(await again.last(TEAM, tag('v1')), 1_000 * HOUR_MS)
  assert.equal(await again.last(TEAM, digestOf('x')), 1_000.5 * HOUR_MS)
  assert.equal(await again.last(TEAM, tag('v2')), undefined)
  assert.deepEqual(await readdir(join(root, 'dockgate')), ['pulls', 'pulls-since'])
})

test('the pulls of tags that are gone are forgotten', async (t) => {
  const { content } = await emptyContent(t)
  const pulls = await PullTimes.open({ driver: content.driver })
  t.after(() => pulls.close())
  const [kept, gone] = [tag('kept'), tag('gone')]
  for (const reference of [kept, gone, digestOf('gone')]) pulls.note(TEAM, reference)
  await pulls.flush()
  await pulls.prune(TEAM, (reference) => reference === kept)
  assert.notEqual(await pulls.last(TEAM, kept), undefined)
  assert.equal(await pulls.last(TEAM, gone), undefined)
  assert.equal(await pulls.last(TEAM, digestOf('gone')), undefined)
})

test('when recording was off in between, it begins anew', async (t) => {
  const { content } = await emptyContent(t)
  await (await PullTimes.open({ driver: content.driver, now: () => 5 })).close()
  await PullTimes.forget(content.driver)
  const pulls = await PullTimes.open({ driver: content.driver, now: () => 9 })
  t.after(() => pulls.close())
  assert.equal(pulls.since, 9)
})

test('of many pulls before they are written, the last one counts', async (t) => {
  const { content } = await emptyContent(t)
  let clock = 1_000 * HOUR_MS
  const pulls = await PullTimes.open({ driver: content.driver, now: () => clock })
  t.after(() => pulls.close())
  const tags = Array.from({ length: 8 }, (_, at) => tag(`v${at}`))
  for (let round = 0; round < 5; round += 1) {
    clock += HOUR_MS
    for (const each of tags) pulls.note(TEAM, each)
  }
  await pulls.flush()
  for (const each of tags) assert.equal(await pulls.last(TEAM, each), clock)
})

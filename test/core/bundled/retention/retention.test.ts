import assert from 'node:assert/strict'
import { utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { PullTimes } from '../../../../src/core/content/pull-times.ts'
import { applyRetention, type RetentionReport } from '../../../../src/core/bundled/retention/retention.ts'
import type { ContentStore } from '../../../../src/core/content/content-store.ts'
import { tagCurrentFolder } from '../../../../src/core/content/layout.ts'
import { TagRules, type Keep, type TagRule } from '../../../../src/core/tag-rules.ts'
import { digestOf } from '../../../../src/oci/digest.ts'
import { emptyContent, repository, tag } from '../../content/content.ts'

const TEAM = repository('team/app')
const DAY_MS = 24 * 3600_000
const NOW = Date.UTC(2030, 0, 1)

interface Retained {
  readonly content: ContentStore
  readonly root: string
  /** Applies the rules and answers what is left of the tags. */
  readonly apply: (
    rules: readonly TagRule[],
    options?: { dryRun?: boolean; pulls?: PullTimes },
  ) => Promise<string[]>
  readonly report: () => RetentionReport | undefined
  readonly forgotten: string[]
}

/** Tags and how many days ago they were pushed. */
async function retained(t: TestContext, tags: Readonly<Record<string, number>>): Promise<Retained> {
  const { content, root } = await emptyContent(t)
  for (const [name, days] of Object.entries(tags)) {
    const bytes = Buffer.from(name)
    await content.manifests.put(TEAM, { digest: digestOf(bytes), bytes })
    await content.tags.set(TEAM, tag(name), digestOf(bytes))
    const pushedAt = new Date(NOW - days * DAY_MS)
    await utimes(join(root, tagCurrentFolder(TEAM, tag(name)), 'link'), pushedAt, pushedAt)
  }
  const forgotten: string[] = []
  let report: RetentionReport | undefined
  return {
    content,
    root,
    forgotten,
    report: () => report,
    async apply(rules, { dryRun = false, pulls } = {}) {
      const forget = async (_name: string, reference: string) => void forgotten.push(reference)
      const steps = applyRetention({ content, pulls, forget }, new TagRules(rules), { dryRun, now: NOW })
      for (;;) {
        const { done, value } = await steps.next()
        if (!done) continue
        report = value
        return [...(await content.tags.list(TEAM, { limit: 100 })).items]
      }
    },
  }
}

function keep(tags: string, kept: Keep): TagRule {
  return { repositories: ['team/**'], tags: [tags], keep: kept }
}

test('of the tags that a rule speaks of the newest are kept, and no other tag is touched', async (t) => {
  const { apply, forgotten, report } = await retained(t, { b1: 3, b2: 2, b3: 1, v1: 900 })
  assert.deepEqual(await apply([keep('b*', { newest: 2 })]), ['b2', 'b3', 'v1'])
  assert.deepEqual(forgotten, ['b1'])
  assert.deepEqual(report(), { dryRun: false, repositories: 1, tags: 3, removed: 1 })
})

test('a dry run removes nothing and counts the same', async (t) => {
  const { apply, report } = await retained(t, { b1: 3, b2: 2 })
  assert.deepEqual(await apply([keep('*', { newest: 1 })], { dryRun: true }), ['b1', 'b2'])
  assert.equal(report()?.removed, 1)
})

test('rules add up: what one of them keeps stays', async (t) => {
  const { apply } = await retained(t, { b1: 40, b2: 20, b3: 10, b4: 50 })
  const rules = [keep('b*', { pushedWithinMs: 30 * DAY_MS }), keep('*1', { newest: 1 })]
  assert.deepEqual(await apply(rules), ['b1', 'b2', 'b3'])
})

test('protected and immutable tags are never removed', async (t) => {
  const { apply } = await retained(t, { b1: 40, b2: 40, b3: 40 })
  const rules: TagRule[] = [
    keep('*', { pushedWithinMs: DAY_MS }),
    { repositories: ['**'], tags: ['b1'], immutable: true },
    { repositories: ['**'], tags: ['b2'], protected: true },
  ]
  assert.deepEqual(await apply(rules), ['b1', 'b2'])
})

test('without a keep rule nothing is removed', async (t) => {
  const { apply } = await retained(t, { b1: 4000 })
  const elsewhere = { repositories: ['other/**'], tags: ['*'], keep: { newest: 1 } }
  assert.deepEqual(await apply([elsewhere, { repositories: ['**'], tags: ['x'], immutable: true }]), ['b1'])
})

test('a tag is kept while it, or the manifest behind it, is pulled', async (t) => {
  const { content, apply } = await retained(t, { b1: 90, b2: 90, b3: 90, b4: 90, b5: 5 })
  let clock = NOW - 100 * DAY_MS
  const pulls = await PullTimes.open({ driver: content.driver, now: () => clock })
  t.after(() => pulls.close())
  pulls.note(TEAM, tag('b4'))
  clock = NOW - 10 * DAY_MS
  pulls.note(TEAM, tag('b1'))
  pulls.note(TEAM, digestOf('b2'))
  assert.deepEqual(await apply([keep('*', { pulledWithinMs: 30 * DAY_MS })], { pulls }), ['b1', 'b2', 'b5'])
})

test('what was pulled before pulls were recorded is not known, so it stays', async (t) => {
  const { content, apply } = await retained(t, { b1: 90 })
  const pulls = await PullTimes.open({ driver: content.driver, now: () => NOW - DAY_MS })
  t.after(() => pulls.close())
  const rules = [keep('*', { pulledWithinMs: 30 * DAY_MS })]
  assert.deepEqual(await apply(rules, { pulls }), ['b1'])
  assert.deepEqual(await apply(rules), ['b1'])
})

test('a tag that is pushed while retention runs is not removed', async (t) => {
  const { content } = await retained(t, { b1: 5000 })
  const state = await content.tags.state(TEAM, tag('b1'))
  assert.ok(state)
  // The same content again: an hour or more after the push before, that makes it young.
  await content.tags.set(TEAM, tag('b1'), state.digest)
  assert.equal(await content.tags.deleteUnchanged(TEAM, state), false)
  const now = await content.tags.state(TEAM, tag('b1'))
  assert.ok(now && Math.abs(now.pushedAt.getTime() - Date.now()) < 60_000)
  assert.equal(await content.tags.deleteUnchanged(TEAM, now), true)
})

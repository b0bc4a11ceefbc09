// What one process learns of a tag, the others go by.
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { TagNews } from '../../../src/core/mirror/tag-news.ts'
import { TagStates } from '../../../src/core/mirror/tag-states.ts'
import { digestOf } from '../../../src/oci/digest.ts'
import { linkPeers } from '../../support/linked-peers.ts'
import { until } from '../../support/until.ts'
import { repository, emptyContent, tag } from '../content/content.ts'

const [A, B] = [digestOf('a'), digestOf('b')]
const [ALPINE, LATEST] = [repository('library/alpine'), tag('latest')]

/** Two workers on one store that know the tag as A. */
async function linkedStates(t: TestContext) {
  const { content } = await emptyContent(t)
  const link = linkPeers()
  const [one, other] = [link.join(), link.join()].map(
    (peers) => new TagStates(content, new TagNews(peers, 'tags')),
  )
  assert.ok(one && other)
  await one.confirm(ALPINE, LATEST, { digest: A, checkedAt: 100 })
  await other.load(ALPINE, LATEST)
  return { one, other }
}

test('a tag that one process saw moving is not answered as before by another', async (t) => {
  const { one, other } = await linkedStates(t)
  assert.equal(other.peek(ALPINE, LATEST)?.digest, A)
  await one.confirm(ALPINE, LATEST, { digest: B, checkedAt: 200 })
  assert.equal(other.peek(ALPINE, LATEST), undefined)
  assert.equal((await other.load(ALPINE, LATEST))?.digest, B)
})

test('a tag that is gone for one process is gone for the others', async (t) => {
  const { one, other } = await linkedStates(t)
  await one.forget(ALPINE, LATEST, 200)
  assert.equal(other.peek(ALPINE, LATEST), undefined)
  assert.equal(await other.load(ALPINE, LATEST), undefined)
})

test('a tag that is refused to one process is served by none before the upstream was asked again', async (t) => {
  const { one, other } = await linkedStates(t)
  one.refuse(ALPINE, LATEST)
  await until('the other has heard', () => other.peek(ALPINE, LATEST)?.isRefused)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createUpstreamClient } from '../../src/upstream/create-upstream-client.ts'
import { UpstreamRateLimitedError, UpstreamUnavailableError } from '../../src/upstream/errors.ts'
import { startHub } from '../support/hub.ts'
import { imageOf } from '../support/images.ts'
import { atEnd, type Scope } from '../support/scope.ts'
import { reference, repository } from './names.ts'

const image = imageOf({ seed: 'budget' })
const alpine = repository('library/alpine')
const latest = reference('latest')

async function start(t: Scope, pullLimit: number) {
  const hub = await startHub(t, { images: { 'library/alpine:latest': image }, pullLimit })
  const clock = { now: Date.parse('2026-11-22T00:00:00Z') }
  const client = createUpstreamClient({ url: hub.url, budget: { now: () => clock.now, reserve: 0.25 } })
  atEnd(t, () => client.close())
  return { hub, clock, client, budget: client.budget }
}

test('what is left of the quota is known from the answers; looking at a tag tells it and costs nothing', async (t) => {
  const { client, budget, clock } = await start(t, 4)
  assert.equal(budget.remainingShare(), 1)
  assert.equal(budget.quota(), undefined)
  await client.headManifest(alpine, latest)
  assert.equal(budget.remainingShare(), 1)
  await client.getManifest(alpine, latest)
  await client.getManifest(alpine, latest)
  assert.equal(budget.remainingShare(), 0.5)
  assert.equal(budget.isReserveOnly(), false)
  await client.getManifest(alpine, latest)
  assert.equal(budget.isReserveOnly(), true)
  assert.deepEqual(budget.quota(), {
    limit: 4,
    remaining: 1,
    windowSeconds: 21_600,
    source: '127.0.0.1',
    seenAt: clock.now,
  })
})

test('a used up quota is told by the refusal too, and is forgotten once its window has passed', async (t) => {
  const { client, budget, clock } = await start(t, 0)
  await assert.rejects(client.getManifest(alpine, latest), UpstreamRateLimitedError)
  assert.equal(budget.remainingShare(), 0)
  clock.now += 21_600_000
  assert.equal(budget.remainingShare(), 1)
})

test('an upstream without a quota has all of it left', async (t) => {
  const { client, budget } = await start(t, Infinity)
  await client.getManifest(alpine, latest)
  assert.equal(budget.remainingShare(), 1)
  assert.equal(budget.isReserveOnly(), false)
})

test('after a 429 with Retry-After no manifest is asked for until then; what costs nothing is', async (t) => {
  const { hub, client, budget, clock } = await start(t, 100)
  const pull = { method: 'GET', path: '/manifests/' }
  const limited = hub.fail(pull, { kind: 'status', status: 429, retryAfter: 30 })
  await assert.rejects(client.getManifest(alpine, latest), { retryAfterSeconds: 30 })
  limited.remove()
  clock.now += 10_000
  assert.equal(budget.quietMs(), 20_000)
  await assert.rejects(client.getManifest(alpine, latest), { retryAfterSeconds: 20, status: 429 })
  assert.equal(limited.hits, 1)
  await client.headManifest(alpine, latest)
  await client.statBlob(alpine, image.config.digest)
  clock.now += 20_000
  await client.getManifest(alpine, latest)
})

test('after a 429 to what costs nothing, and after a 503, nothing at all is asked for until then', async (t) => {
  const { hub, client, clock } = await start(t, 100)
  const head = { method: 'HEAD', path: '/manifests/' }
  hub.fail(head, { kind: 'status', status: 429, retryAfter: 30 }, { times: 1 })
  await assert.rejects(client.headManifest(alpine, latest), UpstreamRateLimitedError)
  await assert.rejects(client.getManifest(alpine, latest), UpstreamRateLimitedError)
  clock.now += 30_000
  hub.fail(head, { kind: 'status', status: 503, retryAfter: 30 }, { times: 1 })
  await assert.rejects(client.headManifest(alpine, latest), UpstreamUnavailableError)
  await assert.rejects(client.statBlob(alpine, image.config.digest), { status: 503, retryAfterSeconds: 30 })
  clock.now += 30_000
  await client.getManifest(alpine, latest)
})

test('a 429 without Retry-After, or one of the CDN, keeps nobody from asking again', async (t) => {
  const { hub, client } = await start(t, 100)
  hub.fail({ server: 'registry', path: '/manifests/' }, { kind: 'status', status: 429 }, { times: 1 })
  await assert.rejects(client.getManifest(alpine, latest), UpstreamRateLimitedError)
  await client.getManifest(alpine, latest)
  hub.fail({ server: 'cdn' }, { kind: 'status', status: 429, retryAfter: 60 }, { times: 1 })
  await assert.rejects(client.openBlob(alpine, image.config.digest), UpstreamRateLimitedError)
  await client.getManifest(alpine, latest)
})

test('an upstream that wants to be left alone for days is asked again after an hour', async (t) => {
  const { hub, client, clock } = await start(t, 100)
  hub.fail({ path: '/manifests/' }, { kind: 'status', status: 429, retryAfter: 999_999 }, { times: 1 })
  await assert.rejects(client.getManifest(alpine, latest))
  clock.now += 3_599_000
  await assert.rejects(client.getManifest(alpine, latest))
  clock.now += 1_000
  await client.getManifest(alpine, latest)
})

// Everything that an upstream can do wrong with a manifest: who has nothing hears what it is, who has something is served, and
// the next pull after it works.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseTag } from '../../../src/oci/reference.ts'
import { startHub, type Hub } from '../../support/hub.ts'
import type { Fault, FaultMatch } from '../../support/hub/faults.ts'
import { imageOf } from '../../support/images.ts'
import { known } from '../../support/known.ts'
import type { Scope } from '../../support/scope.ts'
import { until } from '../../support/until.ts'
import { ALPINE, HOUR_MS, startMirror } from './mirror-fixture.ts'

const image = imageOf({ seed: 'alpine' })
const moved = imageOf({ seed: 'alpine, later' })
const TAG = known(parseTag('3.20'))
const MANIFESTS: FaultMatch = { server: 'registry', path: '/manifests/' }

const BROKEN = { code: 'UNAVAILABLE', status: 502 }
const DOWN = { code: 'UNAVAILABLE', status: 503 }
const LATE = { code: 'UNAVAILABLE', status: 504 }

interface Refusal {
  readonly code: string
  readonly status: number
}

interface DrillOptions {
  readonly match?: FaultMatch
  /** Time that passes before the upstream is asked again. */
  readonly restMs?: number
}

/** The fault meets a pull of a tag that nobody has. */
async function drillCold(
  t: Scope,
  fault: Fault,
  refusal: Refusal,
  options: DrillOptions = {},
): Promise<void> {
  const { hub, registry, clock } = await mirrorOf(t)
  const active = hub.fail(options.match ?? MANIFESTS, fault)
  await assert.rejects(registry.getManifest(ALPINE, TAG), refusal)
  assert.ok(active.hits > 0)
  active.remove()
  clock.now += options.restMs ?? 0
  const { cache, manifest } = await registry.getManifest(ALPINE, TAG)
  assert.deepEqual([cache, manifest.digest], ['miss', image.manifest.digest])
}

/** The fault meets the question whether a tag that is here has moved, and what it moved to; it has. */
async function drillWarm(t: Scope, fault: Fault, options: DrillOptions = {}): Promise<void> {
  const { hub, registry, clock } = await mirrorOf(t)
  await registry.getManifest(ALPINE, TAG)
  hub.add('library/alpine:3.20', moved)
  clock.now += HOUR_MS
  const active = hub.fail(options.match ?? MANIFESTS, fault)
  const stale = await registry.getManifest(ALPINE, TAG)
  assert.deepEqual([stale.cache, stale.manifest.digest], ['stale', image.manifest.digest])
  active.remove()
  clock.now += options.restMs ?? 5_000
  const { cache, manifest } = await registry.getManifest(ALPINE, TAG)
  assert.deepEqual([cache, manifest.digest], ['miss', moved.manifest.digest])
}

async function mirrorOf(t: Scope) {
  const hub: Hub = await startHub(t, { images: { 'library/alpine:3.20': image } })
  return { hub, ...(await startMirror(t, hub.url, { revalidateTimeoutMs: 500 })) }
}

async function drill(t: Scope, fault: Fault, refusal: Refusal, options: DrillOptions = {}): Promise<void> {
  await drillCold(t, fault, refusal, options)
  await drillWarm(t, fault, options)
}

test('an upstream that says no', async (t) => {
  await drillCold(t, { kind: 'status', status: 401 }, { code: 'DENIED', status: 403 })
  await drillCold(t, { kind: 'status', status: 403 }, { code: 'DENIED', status: 403 })
  const missing = { code: 'MANIFEST_UNKNOWN', status: 404 }
  await drillCold(t, { kind: 'status', status: 404 }, missing, { restMs: 2_000 })
})

test('an upstream whose quota is used up, with and without Retry-After', async (t) => {
  const limited = { code: 'TOOMANYREQUESTS', status: 429 }
  await drill(t, { kind: 'status', status: 429 }, limited)
  await drill(t, { kind: 'status', status: 429, retryAfter: 60 }, limited, { restMs: 60_000 })
})

test('an upstream that answers 500 or 503', async (t) => {
  await drill(t, { kind: 'status', status: 500 }, DOWN)
  await drill(t, { kind: 'status', status: 503 }, DOWN)
  await drill(t, { kind: 'status', status: 503, retryAfter: 60 }, DOWN, { restMs: 60_000 })
})

test('an upstream that hangs before the headers, or in the middle of the body', async (t) => {
  await drillCold(t, { kind: 'hang' }, LATE)
  await drillCold(t, { kind: 'hang', afterBytes: 10 }, LATE)
  const { hub, registry, clock } = await mirrorOf(t)
  await registry.getManifest(ALPINE, TAG)
  hub.add('library/alpine:3.20', moved)
  clock.now += HOUR_MS
  const hang = hub.fail(MANIFESTS, { kind: 'hang', afterBytes: 10 })
  assert.equal((await registry.getManifest(ALPINE, TAG)).cache, 'stale')
  hang.remove()
  // Whose patience was used up once is answered at once, and behind that the upstream is asked.
  await until('the tag has moved', async () => {
    clock.now += 5_000
    return (await registry.getManifest(ALPINE, TAG)).manifest.digest === moved.manifest.digest
  })
})

test('a connection that breaks', async (t) => {
  await drill(t, { kind: 'reset' }, DOWN)
  await drill(t, { kind: 'reset', afterBytes: 10 }, DOWN)
  await drill(t, { kind: 'truncate', afterBytes: 10 }, DOWN)
})

test('bytes that are not those of the digest, or of another length', async (t) => {
  await drill(t, { kind: 'wrong-bytes' }, BROKEN)
  await drill(t, { kind: 'wrong-length', by: 1 }, BROKEN)
  await drill(t, { kind: 'wrong-length', by: -1 }, BROKEN)
})

test('a manifest without end, and one that is compressed', async (t) => {
  await drill(t, { kind: 'unannounced', extraBytes: 5 * 2 ** 20 }, BROKEN)
  await drill(t, { kind: 'compressed' }, BROKEN)
})

test('redirects in a circle, and to where only this machine gets', async (t) => {
  await drill(t, { kind: 'redirect-loop' }, BROKEN)
  await drill(t, { kind: 'redirect', to: 'http://169.254.169.254/latest/meta-data/' }, BROKEN)
})

test('a token service that fails', async (t) => {
  const match: FaultMatch = { server: 'token' }
  await drillCold(t, { kind: 'status', status: 500 }, DOWN, { match })
  await drillCold(t, { kind: 'status', status: 429 }, { code: 'TOOMANYREQUESTS', status: 429 }, { match })
  await drillCold(t, { kind: 'hang' }, LATE, { match })
  await drillCold(t, { kind: 'status', status: 401 }, { code: 'DENIED', status: 403 }, { match })
})

test('a tag that moves between HEAD and GET is what it moved to', async (t) => {
  const { hub, registry, clock } = await mirrorOf(t)
  await registry.getManifest(ALPINE, TAG)
  hub.add('library/alpine:3.20', imageOf({ seed: 'in between' }))
  clock.now += HOUR_MS
  const action = () => hub.add('library/alpine:3.20', moved)
  hub.fail({ method: 'HEAD', path: '/manifests/' }, { kind: 'meanwhile', action }, { times: 1 })
  const { manifest } = await registry.getManifest(ALPINE, TAG)
  // What the HEAD told is still there, and what the tag was; the next question finds the rest.
  assert.equal(manifest.digest, imageOf({ seed: 'in between' }).manifest.digest)
  clock.now += HOUR_MS
  assert.equal((await registry.getManifest(ALPINE, TAG)).manifest.digest, moved.manifest.digest)
})

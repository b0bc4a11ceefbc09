// A bundled registry with a garbage collector on its store, and a clock that a test moves.
import { CachedRegistry } from '../../../../src/core/cached.ts'
import { ManifestCache } from '../../../../src/core/manifest-cache.ts'
import { ReferenceCache } from '../../../../src/core/reference-cache.ts'
import type { Registry } from '../../../../src/core/registry.ts'
import { noPeers } from '../../../../src/cache/peers.ts'
import { ALONE } from '../../../../src/cache/change-bus.ts'
import { ContentStore } from '../../../../src/core/content/content-store.ts'
import { Collector, type CollectOptions } from '../../../../src/core/bundled/gc/collector.ts'
import { Fence } from '../../../../src/core/bundled/gc/fence.ts'
import { FencedRegistry } from '../../../../src/core/bundled/gc/fenced-registry.ts'
import type { GcReport, GcStep } from '../../../../src/core/bundled/gc/gc-run.ts'
import { flatOut, type Pace } from '../../../../src/core/bundled/gc/pace.ts'
import { SharedFence } from '../../../../src/core/bundled/gc/shared-fence.ts'
import { Leases } from '../../../../src/core/bundled/gc/leases.ts'
import type { RepositoryName } from '../../../../src/oci/repository-name.ts'
import type { Tag } from '../../../../src/oci/reference.ts'
import type { Image, Index } from '../../../support/images.ts'
import type { Scope } from '../../../support/scope.ts'
import { bodyOf, CONTEXT, pushBlobs, startBundled, type Bundled } from '../bundled.ts'

export const HOUR = 3_600_000

export interface Collected extends Bundled {
  readonly content: ContentStore
  readonly collector: Collector
  readonly fence: Fence
  readonly shared: SharedFence
  /** Lets time pass, for leases and for the age of files. */
  pass(ms: number): void
}

export interface CollectedOptions {
  /** An hour. */
  readonly graceMs?: number
  /** The folder of another, as after a restart. */
  readonly root?: string
  readonly pace?: () => Pace
}

/** The process runs for longer than the grace already. */
export async function startCollected(t: Scope, options: CollectedOptions = {}): Promise<Collected> {
  const { graceMs = HOUR, root, pace = () => flatOut } = options
  const bundled = await startBundled(t, root === undefined ? {} : { root })
  let passed = 0
  const now = () => Date.now() + passed
  const content = new ContentStore(bundled.driver)
  const fence = new Fence(new Leases({ graceMs, now, knownSince: now() - graceMs }))
  const shared = aloneWith(fence)
  const cached = cachedRegistry(bundled.registry)
  const registry = new FencedRegistry(cached, fence)
  const forget = (repository: RepositoryName) => cached.forget(repository)
  return {
    registry,
    uploads: registry.uploads ?? bundled.uploads,
    driver: bundled.driver,
    root: bundled.root,
    content,
    collector: new Collector({ content, fence: shared, forget, now, pace }),
    fence,
    shared,
    pass: (ms) => void (passed += ms),
  }
}

/** The fence of a process that no other one serves the store beside. */
export function aloneWith(fence: Fence): SharedFence {
  return new SharedFence({ fence, peers: noPeers(), topic: 'test' })
}

function cachedRegistry(inner: Registry): CachedRegistry {
  const references = new ReferenceCache({ route: 'test', maxBytes: 2 ** 20, bus: ALONE })
  return new CachedRegistry(inner, { manifests: new ManifestCache({ maxBytes: 2 ** 22 }), references })
}

/** Runs the collector to its end. */
export async function collect(
  { collector }: Pick<Collected, 'collector'>,
  options: Partial<CollectOptions> = {},
): Promise<GcReport & { steps: GcStep[] }> {
  const signal = new AbortController().signal
  const run = collector.collect({ dryRun: false, untagged: false, signal, ...options })
  const steps: GcStep[] = []
  for (;;) {
    const { done, value } = await run.next()
    if (done) return { ...value, steps }
    steps.push(value)
  }
}

/** Pushes an image, or all images of an index and then the index, under `tag` or by digest alone. */
export async function push(
  bundled: Bundled,
  repository: RepositoryName,
  content: Image | Index,
  tag?: Tag,
): Promise<void> {
  if ('images' in content) for (const image of content.images) await push(bundled, repository, image)
  else await pushBlobs(bundled, repository, content)
  const { manifest } = content
  await bundled.registry.putManifest(repository, tag ?? manifest.digest, bodyOf(manifest), CONTEXT)
}

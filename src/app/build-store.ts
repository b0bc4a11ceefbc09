// One store that keeps pushes: its registry as clients reach it, and what can be done to it.
import type { StoreOperations } from '../admin/store-api.ts'
import type { Locks } from '../cache/locks.ts'
import { PeerLocks } from '../cache/peer-locks.ts'
import { noPeers, type Peers } from '../cache/peers.ts'
import type { StoreConfig } from '../config/config.ts'
import { BundledRegistry } from '../core/bundled/bundled-registry.ts'
import { FencedRegistry } from '../core/bundled/gc/fenced-registry.ts'
import { SessionClaims } from '../core/bundled/session-claims.ts'
import { tagsLeadingTo } from '../core/bundled/index-tree.ts'
import { PullTimes } from '../core/content/pull-times.ts'
import { SharedPullTimes } from '../core/content/shared-pull-times.ts'
import { quarantine } from '../core/bundled/scrub/quarantine.ts'
import { WarnedDeletesRegistry } from '../core/bundled/warned-deletes.ts'
import type { ContentStore } from '../core/content/content-store.ts'
import { ProtectedRegistry } from '../core/protected.ts'
import { RecordedPullsRegistry } from '../core/recorded-pulls.ts'
import type { Registry } from '../core/registry.ts'
import { TagRules } from '../core/tag-rules.ts'
import { VerifiedReadsRegistry } from '../core/verified-reads.ts'
import type { Digest } from '../oci/digest.ts'
import type { Reference } from '../oci/reference.ts'
import type { RepositoryName } from '../oci/repository-name.ts'
import type { StorageDriver } from '../storage/driver.ts'
import { buildCollector } from './build-collector.ts'
import { storeOperations } from './store-operations.ts'

export interface BuiltStore {
  readonly registry: Registry
  readonly operations: StoreOperations
}

/** A registry with caches around it. */
export interface CachedCore {
  readonly registry: Registry
  /** Makes the caches forget what a tag or a digest, or everything of a repository, leads to. */
  readonly forget: (repository: RepositoryName, reference?: Reference) => Promise<void>
}

export interface BuildStoreOptions {
  readonly driver: StorageDriver
  /** Puts caches around the registry; by default there are none. */
  readonly cached?: (inner: Registry) => CachedCore
  /** Clients are served by this process; false for a command. */
  readonly isServing: boolean
  /** False for a command that only reads: nothing is written (default true). */
  readonly recordsPulls?: boolean
  /** The other processes of this gateway, which work on the store too; by default there are none. */
  readonly peers?: Peers
}

/** What is opened is closed with `stack`. */
export async function buildStore(
  store: StoreConfig,
  { driver, cached = uncached, isServing, recordsPulls = true, peers = noPeers() }: BuildStoreOptions,
  stack: AsyncDisposableStack,
): Promise<BuiltStore> {
  const locks = new PeerLocks(peers, `locks of ${store.name}`)
  const claims = new SessionClaims(driver, { peers })
  const otherHolders = { peers, topic: `blob holders of ${store.name}` }
  const bundled = new BundledRegistry({
    driver,
    delete: store.allowsDelete,
    locks,
    claims,
    otherHolders,
  })
  const { content } = bundled
  const rules = new TagRules(store.tagRules)
  const core = cached(verified(guarded(bundled, store, rules, locks), content, store))
  const { forget } = core
  const { fence, collector } = await buildCollector(store, { content, forget, isServing, peers }, stack)
  const fenced = new FencedRegistry(core.registry, fence, locks)
  const pulls = recordsPulls ? await openPulls(rules, driver, stack) : undefined
  const operations = storeOperations({
    content,
    registry: fenced,
    rules,
    readOnly: store.isReadOnly,
    allowsDelete: store.allowsDelete,
    pulls: pulls && new SharedPullTimes({ pulls, peers, topic: `pulls of ${store.name}` }),
    alone: (repository, work) => fenced.alone(repository, work),
    forget,
    collector,
    graceMs: store.gc.graceMs,
  })
  const warned = new WarnedDeletesRegistry(fenced, content)
  const registry = pulls
    ? new RecordedPullsRegistry(warned, {
        onPull: (repository, reference) => pulls.note(repository, reference),
      })
    : warned
  return { registry, operations }
}

function uncached(registry: Registry): CachedCore {
  return { registry, forget: async () => {} }
}

function guarded(
  bundled: BundledRegistry,
  { isReadOnly, tagRules }: StoreConfig,
  rules: TagRules,
  locks: Locks,
): Registry {
  if (!isReadOnly && tagRules.length === 0) return bundled
  const { content } = bundled
  const tags = {
    resolve: content.tags.resolve.bind(content.tags),
    leadingTo: (repository: RepositoryName, digest: Digest) => tagsLeadingTo(content, repository, digest),
  }
  return new ProtectedRegistry(bundled, { readOnly: isReadOnly, rules, tags, locks })
}

function verified(
  registry: Registry,
  content: ContentStore,
  { verifiesReads, isReadOnly }: StoreConfig,
): Registry {
  if (!verifiesReads) return registry
  const moveAside = async (repository: RepositoryName, digest: Digest) => {
    const blob = isReadOnly ? undefined : await content.blobs.find(repository, digest)
    if (blob) await quarantine(content, blob.digest)
  }
  return new VerifiedReadsRegistry(registry, {
    // The client was cut off already; what is left where it is, the next read or scrub finds again.
    onDamaged: (repository, digest) => void moveAside(repository, digest).catch(() => undefined),
  })
}

async function openPulls(
  rules: TagRules,
  driver: StorageDriver,
  stack: AsyncDisposableStack,
): Promise<PullTimes | undefined> {
  if (!rules.wantsPullTimes) {
    await PullTimes.forget(driver).catch(() => undefined) // a disk that is read-only records nothing either
    return undefined
  }
  const pulls = await PullTimes.open({ driver })
  stack.defer(() => pulls.close())
  return pulls
}

// The caches of one process: memory, and Redis where it is configured.
import type { ChangeBus } from '../cache/change-bus.ts'
import type { CacheStore } from '../cache/cache-store.ts'
import { PeerChangeBus } from '../cache/peer-change-bus.ts'
import type { Peers } from '../cache/peers.ts'
import { RedisChangeBus } from '../cache/redis-change-bus.ts'
import type { RedisLink, RedisOptions } from '../cache/redis-link.ts'
import { RedisStore } from '../cache/redis-store.ts'
import type { CacheConfig } from '../config/config.ts'
import { ManifestCache } from '../core/manifest-cache.ts'

export interface Caches {
  readonly manifests: ManifestCache
  readonly shared: CacheStore | undefined
  readonly bus: ChangeBus
  /** For what is known of tags and membership, over all routes. */
  readonly referenceBytes: number
  close(): Promise<void>
}

/** `peers`: the other processes of this gateway, which have to learn of changes. */
export async function buildCaches({ memoryBytes, redis }: CacheConfig, peers: Peers): Promise<Caches> {
  const link = redis && (await openLink(redis))
  const shared = link && new RedisStore(link)
  // To Redis each process of a gateway is one more process.
  const bus = link ? new RedisChangeBus(link) : new PeerChangeBus(peers)
  const referenceBytes = Math.floor(memoryBytes / 8)
  return {
    manifests: new ManifestCache({ maxBytes: memoryBytes - referenceBytes, shared }),
    shared,
    bus,
    referenceBytes,
    async close() {
      await bus.close()
      await shared?.close()
    },
  }
}

/** The client of Redis is large: only who has a Redis loads it. */
async function openLink(options: RedisOptions): Promise<RedisLink> {
  const { RedisLink } = await import('../cache/redis-link.ts')
  return new RedisLink(options)
}

// Manifest bytes by digest: in memory, then in the cache that processes share.
import { LRUCache } from 'lru-cache'
import type { CacheStore } from '../cache/cache-store.ts'
import { SingleFlight } from '../cache/single-flight.ts'
import { algorithmOf, digestOf, type Digest } from '../oci/digest.ts'
import type { Manifest } from './registry.ts'

/** What an entry costs beside its bytes. */
const OVERHEAD_BYTES = 512
const SHARED_TTL_MS = 24 * 60 * 60 * 1000

export interface ManifestCacheOptions {
  readonly maxBytes: number
  /** The second level, if any. */
  readonly shared?: CacheStore | undefined
}

/** Says nothing about which repository holds a manifest: that is asked before. */
export class ManifestCache {
  readonly #memory: LRUCache<Digest, Manifest>
  readonly #shared: CacheStore | undefined
  readonly #flights = new SingleFlight<Manifest | undefined>()

  constructor({ maxBytes, shared }: ManifestCacheOptions) {
    this.#memory = new LRUCache({
      maxSize: Math.max(1, maxBytes),
      // One huge manifest must not push out a thousand small ones.
      maxEntrySize: Math.max(1, Math.floor(maxBytes / 8)),
      // Twice: one that is asked for is held as text, too.
      sizeCalculation: (manifest) => 2 * manifest.bytes.length + OVERHEAD_BYTES,
    })
    this.#shared = shared
  }

  /** What memory holds, at once. */
  peek(digest: Digest): Manifest | undefined {
    return this.#memory.get(digest)
  }

  /** What memory or the shared cache holds. */
  async get(digest: Digest): Promise<Manifest | undefined> {
    const known = this.#memory.get(digest)
    const shared = this.#shared
    if (known || !shared) return known
    return this.#flights.run(digest, async () => {
      const manifest = decode(digest, await shared.get(key(digest)))
      if (manifest) this.#memory.set(digest, manifest)
      return manifest
    })
  }

  /** Keeps a manifest whose bytes were hashed when they were read or received. Never waits for the shared cache. */
  put(manifest: Manifest): void {
    this.#memory.set(manifest.digest, manifest)
    void this.#shared?.set(key(manifest.digest), encode(manifest), { ttlMs: SHARED_TTL_MS })
  }
}

function key(digest: Digest): string {
  return `manifest:${digest}`
}

/** The media type, a line feed, the bytes. */
function encode({ mediaType, bytes }: Manifest): Uint8Array {
  return Buffer.concat([Buffer.from(`${mediaType}\n`), bytes])
}

/** What others can write is checked: bytes that are not those of the digest are a miss. */
function decode(digest: Digest, value: Uint8Array | undefined): Manifest | undefined {
  const end = value?.indexOf(0x0a) ?? -1
  if (!value || end < 0) return undefined
  const mediaType = Buffer.from(value.subarray(0, end)).toString('latin1')
  const bytes = value.subarray(end + 1)
  if (!/^[\w.+-]+\/[\w.+-]+$/.test(mediaType) || digestOf(bytes, algorithmOf(digest)) !== digest)
    return undefined
  return { digest, mediaType, bytes }
}

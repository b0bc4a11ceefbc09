// Which bytes this mirror's own upstream once delivered. A HEAD proves nothing: it may vouch for these alone.
import { LRUCache } from 'lru-cache'
import { digestOf, hexOf, type Digest } from '../../oci/digest.ts'
import { PathNotFoundError, type StorageDriver } from '../../storage/driver.ts'
import { deliveriesFolder } from '../content/layout.ts'

const MAX_KNOWN = 50_000

/**
 * Bytes by digest lie once for all who share a store or a cache. An upstream that has only heard of a digest must not be
 * able to show what others delivered, or what was pushed here, by saying that it has it, too.
 */
export class Deliveries {
  readonly #driver: StorageDriver
  readonly #upstream: string
  readonly #marker: string
  readonly #known = new LRUCache<Digest, true>({ max: MAX_KNOWN })

  /** `upstream` is its address: mirrors of one upstream share what it delivered. */
  constructor(driver: StorageDriver, upstream: string) {
    this.#driver = driver
    this.#upstream = upstream
    this.#marker = hexOf(digestOf(upstream)).slice(0, 32)
  }

  async has(digest: Digest): Promise<boolean> {
    if (this.#known.has(digest)) return true
    try {
      await this.#driver.stat(this.#pathOf(digest))
    } catch (error) {
      if (error instanceof PathNotFoundError) return false
      throw error
    }
    this.#known.set(digest, true)
    return true
  }

  /** The upstream delivered bytes whose digest was computed. */
  async add(digest: Digest): Promise<void> {
    // Also when it is known: it may have been evicted meanwhile, and with it the word of it.
    this.#known.set(digest, true)
    await this.#driver.writeNew(this.#pathOf(digest), Buffer.from(this.#upstream))
  }

  #pathOf(digest: Digest): string {
    return `${deliveriesFolder(digest)}/${this.#marker}`
  }
}

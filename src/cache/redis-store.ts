// The second cache level, shared between processes: bytes in Redis.
import type { CacheStore } from './cache-store.ts'
import type { RedisLink } from './redis-link.ts'

export class RedisStore implements CacheStore {
  readonly #link: RedisLink

  constructor(link: RedisLink) {
    this.#link = link
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    return (await this.#link.run((redis) => redis.getBuffer(this.#link.key(key)))) ?? undefined
  }

  async set(key: string, value: Uint8Array, { ttlMs }: { ttlMs: number }): Promise<void> {
    await this.#link.run((redis) =>
      redis.set(this.#link.key(key), Buffer.from(value), 'PX', Math.ceil(ttlMs)),
    )
  }

  async delete(key: string): Promise<void> {
    await this.#link.run((redis) => redis.del(this.#link.key(key)))
  }

  async close(): Promise<void> {
    await this.#link.close()
  }
}

// One connection to Redis that never slows a request: a short deadline per command, and no command while Redis is sick.
import { Redis } from 'ioredis'

/** A healthy Redis on the same network answers within a millisecond or two. */
const COMMAND_TIMEOUT_MS = 50
/** How long commands are skipped after one failed, before the next one tries again. */
const REST_MS = 1_000

export interface RedisOptions {
  /** `redis://[user:password@]host:port/db` or `rediss://…`. */
  readonly url: string
}

export class RedisLink {
  readonly #redis: Redis
  #restsUntil = 0

  constructor({ url }: RedisOptions) {
    this.#redis = new Redis(url, {
      commandTimeout: COMMAND_TIMEOUT_MS,
      connectTimeout: 2_000,
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      retryStrategy: (attempt) => Math.min(attempt * 100, 2_000),
      autoResubscribe: true,
    })
    // Without a listener ioredis prints every lost connection; a cache that fails is a miss.
    this.#redis.on('error', () => {})
  }

  /** Whether commands are sent right now. */
  get isUp(): boolean {
    return this.#redis.status === 'ready' && Date.now() >= this.#restsUntil
  }

  /** The command's answer, or undefined when Redis is away, slow or says no. */
  async run<Answer>(command: (redis: Redis) => Promise<Answer>): Promise<Answer | undefined> {
    if (!this.isUp) return undefined
    try {
      return await command(this.#redis)
    } catch {
      this.#restsUntil = Date.now() + REST_MS
      return undefined
    }
  }

  /** A connection of its own for subscriptions, which may wait for ever. */
  subscriber(): Redis {
    const subscriber = this.#redis.duplicate({ enableOfflineQueue: true, maxRetriesPerRequest: null })
    subscriber.on('error', () => {})
    return subscriber
  }

  async close(): Promise<void> {
    this.#redis.disconnect()
  }
}

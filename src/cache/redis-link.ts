// One connection to Redis that never slows a request: a short deadline per command, and no command while Redis is sick.
import { Redis } from 'ioredis'

/** A healthy Redis on the same network answers within a millisecond or two. */
const COMMAND_TIMEOUT_MS = 100
/** How long commands are skipped after one failed, before the next one tries again. */
const REST_MS = 1_000

export interface RedisOptions {
  /** `redis://[user:password@]host:port/db` or `rediss://…`. */
  readonly url: string
  /** Put before every key and channel, so that installations can share a database; default `dockgate`. */
  readonly prefix?: string
}

export class RedisLink {
  readonly #redis: Redis
  readonly #prefix: string
  #restsUntil = -Infinity

  constructor({ url, prefix = 'dockgate' }: RedisOptions) {
    this.#prefix = prefix
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

  /** The name of a key or channel of this installation. */
  key(name: string): string {
    return `${this.#prefix}:${name}`
  }

  /** Whether commands are sent right now. */
  get isUp(): boolean {
    return this.#redis.status === 'ready' && performance.now() >= this.#restsUntil
  }

  /** The command's answer, or undefined when Redis is away, slow or says no. */
  async run<Answer>(command: (redis: Redis) => Promise<Answer>): Promise<Answer | undefined> {
    if (!this.isUp) return undefined
    try {
      return await command(this.#redis)
    } catch {
      this.#restsUntil = performance.now() + REST_MS
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

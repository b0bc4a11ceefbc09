// A change bus over Redis: a counter per topic, a published message, and acknowledgements of the other processes.
import { randomUUID } from 'node:crypto'
import type { Redis } from 'ioredis'
import type { Change, ChangeBus } from './change-bus.ts'
import type { RedisLink } from './redis-link.ts'

/** How long one process may trust its own memory, and what it stores in Redis, without hearing from the others. */
const LEASE_MS = 1_000
/** Memory filled from Redis just before Redis' own entry ran out: both leases, one after the other. */
const LONGEST_USE_MS = 2 * LEASE_MS
const HEARTBEAT_MS = 400

/** Keeps a process among those that a writer waits for. Redis' clock alone counts. */
const REGISTER = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
return 1`

/** Counts a topic up, publishes the change, and answers how many processes are registered beside the writer. */
const ANNOUNCE = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('INCR', KEYS[2])
redis.call('PEXPIRE', KEYS[2], 60000)
redis.call('PUBLISH', ARGV[1], ARGV[2])
local others = redis.call('ZCOUNT', KEYS[1], '(' .. now, '+inf')
if redis.call('ZSCORE', KEYS[1], ARGV[3]) then others = others - 1 end
return others`

interface Message extends Change {
  readonly id: string
  readonly from: string
}

/**
 * Read your writes across nodes. A writer counts the topic up, so that what others stored in Redis under the older
 * count is never found again, publishes the change, and waits until every registered process has said that it dropped
 * its own copy. One that does not answer, or a Redis that is away, is waited out: no use of what was known before
 * outlives {@link LONGEST_USE_MS}. A process that is not registered trusts nothing it remembers.
 */
export class RedisChangeBus implements ChangeBus {
  readonly #link: RedisLink
  readonly #changes: string
  readonly #processes: string
  readonly #subscriber: Redis
  readonly #me = randomUUID()
  readonly #listeners: ((change: Change) => void)[] = []
  readonly #waiting = new Map<string, { missing: number; done: () => void }>()
  readonly #heartbeat: NodeJS.Timeout
  #registeredAt = -Infinity

  constructor(link: RedisLink) {
    this.#link = link
    this.#changes = link.key('changes')
    this.#processes = link.key('processes')
    this.#subscriber = link.subscriber()
    this.#subscriber.on('message', (channel, text) => this.#receive(channel, text))
    this.#subscriber.subscribe(this.#changes, this.#acknowledgements).catch(() => {})
    this.#heartbeat = setInterval(() => void this.#register(), HEARTBEAT_MS).unref()
    void this.#register()
  }

  lease(): number {
    // Registered until then, this process is waited for by every writer while the lease lasts.
    return this.#registeredAt > performance.now() - LEASE_MS ? LEASE_MS : 0
  }

  async generation(topic: string): Promise<number | undefined> {
    const count = await this.#link.run((redis) => redis.get(this.#generationKey(topic)))
    return count === undefined ? undefined : Number(count ?? 0)
  }

  async announce({ topic, item }: Change): Promise<void> {
    const id = randomUUID()
    const waited = Promise.withResolvers<void>()
    const timer = setTimeout(waited.resolve, LONGEST_USE_MS)
    // Answers may arrive before the number of receivers is known: until then more are missing than there can be.
    const wait = { missing: Number.MAX_SAFE_INTEGER, done: waited.resolve }
    this.#waiting.set(id, wait)
    const message: Message = { id, from: this.#me, topic, ...(item === undefined ? {} : { item }) }
    const others = await this.#publish(topic, message)
    if (others !== undefined) {
      wait.missing -= Number.MAX_SAFE_INTEGER - others
      if (wait.missing <= 0) waited.resolve()
    }
    await waited.promise
    clearTimeout(timer)
    this.#waiting.delete(id)
  }

  subscribe(listener: (change: Change) => void): void {
    this.#listeners.push(listener)
  }

  async close(): Promise<void> {
    clearInterval(this.#heartbeat)
    // Nobody needs to wait for a process that is gone.
    await this.#link.run((redis) => redis.zrem(this.#processes, this.#me))
    this.#subscriber.disconnect()
  }

  get #acknowledgements(): string {
    return this.#link.key(`acknowledged:${this.#me}`)
  }

  async #register(): Promise<void> {
    const began = performance.now()
    if (this.#subscriber.status !== 'ready') return
    const answer = await this.#link.run((redis) =>
      redis.eval(REGISTER, 1, this.#processes, this.#me, String(LONGEST_USE_MS)),
    )
    if (answer !== undefined) this.#registeredAt = began
  }

  /** How many other processes must acknowledge, or undefined when the change could not be published. */
  async #publish(topic: string, message: Message): Promise<number | undefined> {
    const others = await this.#link.run((redis) =>
      redis.eval(
        ANNOUNCE,
        2,
        this.#processes,
        this.#generationKey(topic),
        this.#changes,
        JSON.stringify(message),
        this.#me,
      ),
    )
    return typeof others === 'number' ? others : undefined
  }

  #generationKey(topic: string): string {
    return this.#link.key(`generation:${topic}`)
  }

  #receive(channel: string, text: string): void {
    if (channel === this.#acknowledgements) return this.#acknowledged(text)
    const message = parseMessage(text)
    if (!message || message.from === this.#me) return
    for (const listener of this.#listeners) listener(message)
    void this.#link.run((redis) => redis.publish(this.#link.key(`acknowledged:${message.from}`), message.id))
  }

  #acknowledged(id: string): void {
    const wait = this.#waiting.get(id)
    if (!wait) return
    wait.missing -= 1
    if (wait.missing <= 0) wait.done()
  }
}

function parseMessage(text: string): Message | undefined {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null) return undefined
    const { id, from, topic, item } = value as Record<string, unknown>
    if (typeof id !== 'string' || typeof from !== 'string' || typeof topic !== 'string') return undefined
    return { id, from, topic, ...(typeof item === 'string' ? { item } : {}) }
  } catch {
    return undefined
  }
}

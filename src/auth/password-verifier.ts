// Checks passwords for everybody in this process: a few at a time, off the event loop.
import { siteOf } from './client-network.ts'
import { HashQueue, type HashQueueOptions } from './hash-queue.ts'
import { HashThread } from './hash-thread.ts'
import { costClassOf } from './password-hash.ts'

/** libxcrypt takes no longer passwords, so that nginx says no to them. */
const MAX_PASSWORD_BYTES = 511

export class PasswordVerifier {
  readonly #queue: HashQueue
  /** As many as the queue lets run at once, started when they are first needed. */
  readonly #threads: HashThread[] = []
  readonly #idle: HashThread[] = []

  constructor(options?: HashQueueOptions) {
    this.#queue = new HashQueue(options)
  }

  /**
   * Whether the password is the hashed one; never for a hash of an unsupported kind, or one that is too costly. See
   * {@link HashQueue.run} for when it rejects.
   */
  async verify(password: string, hash: string, network = ''): Promise<boolean> {
    if (Buffer.byteLength(password) > MAX_PASSWORD_BYTES || costClassOf(hash) === undefined) return false
    return this.#queue.run(() => this.#compute(password, hash), siteOf(network))
  }

  async close(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.close()))
  }

  async #compute(password: string, hash: string): Promise<boolean> {
    const thread = this.#idle.pop() ?? this.#newThread()
    try {
      return await thread.verify(password, hash)
    } finally {
      this.#idle.push(thread)
    }
  }

  #newThread(): HashThread {
    const thread = new HashThread()
    this.#threads.push(thread)
    return thread
  }
}

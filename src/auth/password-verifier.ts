// Checks passwords for everybody in this process: a few at a time, off the event loop.
import { MAX_PASSWORD_BYTES } from './basic-credentials.ts'
import { siteOf } from './client-network.ts'
import { HashQueue, type HashQueueOptions } from './hash-queue.ts'
import { HashThread } from './hash-thread.ts'
import { verifyPassword } from './password-hash.ts'

export class PasswordVerifier {
  readonly #queue: HashQueue
  readonly #thread = new HashThread()

  constructor(options?: HashQueueOptions) {
    this.#queue = new HashQueue(options)
  }

  /** Whether the password is the hashed one; see {@link HashQueue.run} for when it rejects. */
  async verify(password: string, hash: string, network = ''): Promise<boolean> {
    if (Buffer.byteLength(password) > MAX_PASSWORD_BYTES) return false
    return this.#queue.run(() => verifyPassword(password, hash, this.#thread), siteOf(network))
  }

  async close(): Promise<void> {
    await this.#thread.close()
  }
}

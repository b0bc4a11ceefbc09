// Checks passwords for everybody in this process: a few at a time, off the event loop.
import { HashQueue, type HashQueueOptions } from './hash-queue.ts'
import { HashThread } from './hash-thread.ts'
import { verifyPassword } from './password-hash.ts'

export class PasswordVerifier {
  readonly #queue: HashQueue
  readonly #thread = new HashThread()

  constructor(options?: HashQueueOptions) {
    this.#queue = new HashQueue(options)
  }

  /** Whether the password is the hashed one. Rejects with {@link AuthenticationBusyError} when too many wait. */
  verify(password: string, hash: string): Promise<boolean> {
    return this.#queue.run(() => verifyPassword(password, hash, this.#thread))
  }

  async close(): Promise<void> {
    await this.#thread.close()
  }
}

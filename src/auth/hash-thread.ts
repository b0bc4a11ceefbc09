// A thread for password hashes, so that neither the event loop computes them nor libuv's pool, which reads and writes files.
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { HashAnswer, HashQuestion } from './hash-worker.ts'

// The worker's file has the ending of this one: `.ts` as it is written, `.js` when built.
const WORKER = new URL(`./hash-worker${extname(import.meta.url)}`, import.meta.url)

interface Waiting {
  readonly resolve: (matches: boolean) => void
  readonly reject: (error: Error) => void
}

/** Starts its thread when it is first needed, again after it died, and keeps no idle process alive. */
export class HashThread {
  #worker: Worker | undefined
  #lastId = 0
  readonly #waiting = new Map<number, Waiting>()

  /** Whether the password is the hashed one. Rejects when the thread dies, or has no memory for it. */
  verify(password: string, hash: string): Promise<boolean> {
    const worker = (this.#worker ??= this.#start())
    const question: HashQuestion = { id: ++this.#lastId, password, hash }
    worker.ref()
    return new Promise((resolve, reject) => {
      this.#waiting.set(question.id, { resolve, reject })
      worker.postMessage(question)
    })
  }

  async close(): Promise<void> {
    await this.#worker?.terminate()
  }

  #start(): Worker {
    const worker = new Worker(WORKER)
    worker.on('message', ({ id, matches }: HashAnswer) => {
      const waiting = this.#waiting.get(id)
      if (matches === undefined) waiting?.reject(new Error('a password hash could not be computed'))
      else waiting?.resolve(matches)
      this.#waiting.delete(id)
      if (this.#waiting.size === 0) worker.unref()
    })
    // 'error' is followed by 'exit'; without a listener it would end the process.
    let failure: unknown
    worker.on('error', (error) => (failure = error))
    worker.on('exit', () => {
      if (this.#worker === worker) this.#worker = undefined
      for (const { reject } of this.#waiting.values())
        reject(new Error('the thread that checks passwords has ended', { cause: failure }))
      this.#waiting.clear()
    })
    return worker
  }
}

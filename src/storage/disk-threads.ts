// Threads for small changes on the disk: one message each instead of a dozen turns in libuv's pool, whose few threads
// are left to those who read while others wait for the disk.
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { JobName, JobOutcome, JobRequest, Jobs } from './disk-worker.ts'

// The worker's file has the ending of this one: `.ts` as it is written, `.js` when built.
const WORKER = new URL(`./disk-worker${extname(import.meta.url)}`, import.meta.url)
/** As many as libuv has: what waits for the disk does not compute. */
const MAX_THREADS = 4
/** They hold one small file each, or as many names as 64 small folders have. */
const LIMITS = { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 32 }

interface Waiting {
  readonly resolve: (value: never) => void
  readonly reject: (error: Error) => void
}

interface Thread {
  readonly worker: Worker
  readonly waiting: Map<number, Waiting>
}

const threads: Thread[] = []
let lastId = 0

/**
 * Does a job of durable-files.ts or many-files.ts. Rejects with its error, which has a `code` as that of a system call.
 * Threads start when they are needed, are shared by all stores, and keep no idle process alive.
 */
export function onDisk<Name extends JobName>(
  name: Name,
  ...args: Parameters<Jobs[Name]>
): Promise<ReturnType<Jobs[Name]>> {
  const { worker, waiting } = leastBusy()
  const request: JobRequest<Name> = { id: (lastId += 1), name, args }
  worker.ref()
  return new Promise((resolve, reject) => {
    waiting.set(request.id, { resolve, reject })
    worker.postMessage(request)
  })
}

/** The bytes in a buffer of their own: a message carries the whole buffer that a view is of. */
export function ownBytes(bytes: Uint8Array): Uint8Array {
  return bytes.buffer.byteLength === bytes.byteLength ? bytes : new Uint8Array(bytes)
}

function leastBusy(): Thread {
  const idle = threads.find(({ waiting }) => waiting.size === 0)
  if (idle) return idle
  if (threads.length < MAX_THREADS) return start()
  return threads.reduce((best, next) => (next.waiting.size < best.waiting.size ? next : best))
}

function start(): Thread {
  const thread: Thread = { worker: new Worker(WORKER, { resourceLimits: LIMITS }), waiting: new Map() }
  const { worker, waiting } = thread
  worker.on('message', (outcome: JobOutcome) => {
    settle(waiting.get(outcome.id), outcome)
    waiting.delete(outcome.id)
    if (waiting.size === 0) worker.unref()
  })
  // 'error' is followed by 'exit'; without a listener it would end the process.
  let cause: unknown
  worker.on('error', (error) => (cause = error))
  worker.on('exit', () => {
    threads.splice(threads.indexOf(thread), 1)
    for (const { reject } of waiting.values())
      reject(
        Object.assign(new Error('a thread that works on the disk has ended', { cause }), { code: 'EIO' }),
      )
  })
  threads.push(thread)
  return thread
}

function settle(waiting: Waiting | undefined, { value, failure }: JobOutcome): void {
  if (failure) waiting?.reject(Object.assign(new Error(failure.message), { code: failure.code }))
  else waiting?.resolve(value as never)
}

// One worker: a child process, wired to the hub and to the primary's log.
import cluster, { type Worker } from 'node:cluster'
import { once } from 'node:events'
import { extname } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import type { PrimaryPeers } from './primary-peers.ts'

// The worker's file has the ending of this one: `.ts` as it is written, `.js` when built.
const WORKER_MAIN = fileURLToPath(new URL(`./worker-main${extname(import.meta.url)}`, import.meta.url))

/** Where a worker writes the lines of its audit log. */
export const AUDIT_DESCRIPTOR = 4

export interface WorkerProcessOptions {
  readonly peers: PrimaryPeers
  /** Options of Node for the worker. */
  readonly flags: readonly string[]
  /** Takes a line of the worker's log, with a line feed. */
  readonly onLine: (line: string) => void
  /** Takes a line of the worker's audit log, with a line feed. */
  readonly onAuditLine: (line: string) => void
}

export class WorkerProcess {
  readonly id: string
  readonly pid: number
  readonly #worker: Worker
  /** Resolves with how it ended, when all that it wrote and sent has arrived. */
  readonly gone: Promise<string>
  /** Why it was ended, where it was. */
  #endedFor: string | undefined

  constructor({ peers, flags, onLine, onAuditLine }: WorkerProcessOptions) {
    cluster.setupPrimary({
      exec: WORKER_MAIN,
      args: [],
      execArgv: [...process.execArgv, ...flags],
      stdio: ['ignore', 'pipe', 'inherit', 'ipc', 'pipe'],
    })
    const worker = cluster.fork()
    this.#worker = worker
    this.id = String(worker.id)
    this.pid = worker.process.pid ?? 0
    peers.add({
      id: this.id,
      // To one that is ending; that it is gone is told by its end.
      send: (batch) => worker.isConnected() && worker.send(batch, () => undefined),
      end: (reason) => this.end(reason),
    })
    worker.on('message', (message) => peers.receive(this.id, message))
    // A failed send is no more than that: the end of the process follows.
    worker.on('error', () => undefined)
    relayLines(worker.process.stdout, onLine)
    relayLines(worker.process.stdio[AUDIT_DESCRIPTOR], onAuditLine)
    this.gone = this.#awaitEnd().finally(() => peers.remove(this.id))
  }

  /** At once. */
  end(reason: string): void {
    this.#endedFor ??= reason
    this.#worker.process.kill('SIGKILL')
  }

  async #awaitEnd(): Promise<string> {
    const { process: child } = this.#worker
    const disconnected = once(this.#worker, 'disconnect')
    const [code, signal]: unknown[] = await once(child, 'close')
    await disconnected
    return this.#endedFor ?? (typeof signal === 'string' ? signal : `exit code ${String(code)}`)
  }
}

/** Whole lines: those of several processes must not be torn. */
function relayLines(stream: unknown, onLine: (line: string) => void): void {
  const lines = createInterface({ input: stream as Readable, crlfDelay: Infinity }) // the stdio above says that it is a pipe
  lines.on('line', (line) => onLine(`${line}\n`))
}

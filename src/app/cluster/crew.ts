// One generation of workers: they start together, are replaced when they end, and leave together.
import { setTimeout as pause } from 'node:timers/promises'
import type { Message } from '../../cache/peers.ts'
import type { Logger } from '../../telemetry/log.ts'
import { encodeOrders, textOf, TOPIC, type Orders } from './orders.ts'
import { WorkerProcess, type WorkerProcessOptions } from './worker-process.ts'

export interface CrewOptions extends WorkerProcessOptions {
  readonly size: number
  /** What a worker that starts now shall run by; asked anew for each. */
  readonly orders: (id: string) => Promise<Orders>
  /** A worker listens; awaited before it counts. */
  readonly onListening: (id: string) => Promise<void>
  readonly logger: Logger
}

export interface LeaveOptions {
  /** For how long running transfers may go on. */
  readonly graceMs: number
  /** Other workers accept in their place. */
  readonly isReplaced: boolean
}

interface Position {
  /** From 1; a worker that replaces another one takes its number. */
  readonly number: number
  worker: WorkerProcess
  isListening: boolean
  /** How many workers in a row did not live long. */
  failures: number
}

/** A worker that lived so long was no failed start. */
const STEADY_MS = 10_000
const LONGEST_PAUSE_MS = 10_000
/** So many failures in a row of one position, and no other worker that listens, are taken for good. */
const MOST_FAILURES = 6
const START_MS = 60_000
/** On top of the grace for running transfers. */
const LEAVE_MARGIN_MS = 5000

/** The reason why a worker did not start, in its own words. */
export class WorkerStartError extends Error {
  override readonly name = 'WorkerStartError'
  readonly code = 'WORKER_START'
}

export class Crew {
  readonly #options: CrewOptions
  readonly #positions: Position[]
  readonly #started = Promise.withResolvers<readonly string[]>()
  readonly #failed = Promise.withResolvers<never>()
  #hasStarted = false
  /** Why a worker did not start, in its own words. */
  #reason: string | undefined
  #isLeaving = false
  #leaving: Promise<void> | undefined

  /** Starts the processes; they wait for their orders. */
  constructor(options: CrewOptions) {
    this.#options = options
    // Who asks first is told; nobody need ask.
    this.#started.promise.catch(() => undefined)
    this.#failed.promise.catch(() => undefined)
    this.#positions = Array.from({ length: options.size }, (_, index) => this.#fill(index + 1))
  }

  /** Resolves with the URLs when all of them listen. Rejects with a {@link WorkerStartError} when one cannot start. */
  get started(): Promise<readonly string[]> {
    return this.#started.promise
  }

  /** Rejects when no worker is left and none can be started. */
  get failed(): Promise<never> {
    return this.#failed.promise
  }

  get isListening(): boolean {
    return this.#positions.some(({ isListening }) => isListening)
  }

  /** Ids of the workers that listen, by their number. */
  get listening(): ReadonlyMap<number, string> {
    const listening = this.#positions.filter(({ isListening }) => isListening)
    return new Map(listening.map(({ number, worker }) => [number, worker.id]))
  }

  /** What a worker asks and tells of itself; undefined when it is none of these. */
  async answer(topic: string, message: Message, from: string): Promise<Message | undefined> {
    const position = this.#positions.find(({ worker }) => worker.id === from)
    if (!position) return undefined
    if (topic === TOPIC.orders) return encodeOrders(await this.#options.orders(from))
    if (topic === TOPIC.failed) this.#reason = textOf(message)
    if (topic === TOPIC.listening) await this.#options.onListening(from)
    if (topic === TOPIC.listening) this.#nowListens(position, textOf(message).split(' '))
    return null
  }

  /** Lets running transfers end within their grace, then ends what is left. */
  leave(options: LeaveOptions): Promise<void> {
    this.#isLeaving = true
    const leaving = () => Promise.all(this.#positions.map((position) => this.#leave(position, options)))
    this.#leaving ??= leaving().then(() => undefined)
    return this.#leaving
  }

  /** Ends all of them now. */
  async end(): Promise<void> {
    this.#isLeaving = true
    for (const { worker } of this.#positions) worker.end('it was stopped')
    await Promise.all(this.#positions.map(({ worker }) => worker.gone))
  }

  #fill(number: number, failures = 0): Position {
    const worker = new WorkerProcess(this.#options)
    const position: Position = { number, worker, isListening: false, failures }
    void this.#watch(position)
    return position
  }

  /** Until its worker is gone; then another one takes the position. */
  async #watch(position: Position): Promise<void> {
    const { number, worker } = position
    const startedAt = performance.now()
    const late = setTimeout(() => !position.isListening && worker.end('it did not start in time'), START_MS)
    const reason = await worker.gone
    clearTimeout(late)
    position.isListening = false
    if (this.#isLeaving) return
    this.#started.reject(new WorkerStartError(this.#reason ?? `a worker ended before it listened: ${reason}`))
    if (!this.#hasStarted) return
    const failures = performance.now() - startedAt > STEADY_MS ? 0 : position.failures + 1
    this.#options.logger.error(
      { worker: number, pid: worker.pid, reason: this.#reason ?? reason },
      'worker ended: it is replaced',
    )
    if (failures >= MOST_FAILURES && !this.isListening)
      return this.#failed.reject(new WorkerStartError(`no worker can be started: ${this.#reason ?? reason}`))
    await pause(pauseAfter(failures))
    if (!this.#isLeaving) this.#positions[number - 1] = this.#fill(number, failures)
  }

  #nowListens(position: Position, urls: readonly string[]): void {
    position.isListening = true
    this.#reason = undefined
    if (!this.#positions.every(({ isListening }) => isListening)) return
    this.#hasStarted = true
    this.#started.resolve(urls)
  }

  async #leave({ worker, isListening }: Position, { graceMs, isReplaced }: LeaveOptions): Promise<void> {
    if (!isListening) worker.end('it was stopped')
    // Its end is the answer.
    else void this.#options.peers.askWorker(worker.id, TOPIC.leave, isReplaced)
    const late = setTimeout(() => worker.end('it did not leave in time'), graceMs + LEAVE_MARGIN_MS)
    await worker.gone
    clearTimeout(late)
  }
}

/** The first replacement comes at once. */
function pauseAfter(failures: number): number {
  return failures < 2 ? 0 : Math.min(LONGEST_PAUSE_MS, 100 * 2 ** failures)
}

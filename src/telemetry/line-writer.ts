// Lines on their way to a file, in batches: writing each by itself would cost more than the request it tells of.
import { setTimeout as pause } from 'node:timers/promises'
import { DescriptorSink, type LineSink } from './line-sink.ts'

const BATCH_BYTES = 64 * 1024
const FLUSH_MS = 200
/** Lines that wait for a slow reader of the log. Beyond it they are dropped, and counted. */
const MOST_WAITING_BYTES = 16 * 1024 * 1024

/** One batch is filled while the other is written. A log that nobody reads costs lines, never memory without end. */
export class LineWriter {
  readonly #sink: LineSink
  #filling: Buffer = Buffer.allocUnsafeSlow(BATCH_BYTES)
  #spare: Buffer | undefined = Buffer.allocUnsafeSlow(BATCH_BYTES)
  #used = 0
  #waiting: string[] = []
  #waitingBytes = 0
  #dropped = 0
  #timer: NodeJS.Timeout | undefined
  #sending: Promise<void> = Promise.resolve()

  /** A number is a file descriptor. */
  constructor(sink: LineSink | number) {
    this.#sink = typeof sink === 'number' ? new DescriptorSink(sink) : sink
  }

  /** `line` ends with a line feed. */
  write(line: string): void {
    // A character takes three bytes at most.
    if (this.#waiting.length > 0 || this.#used + line.length * 3 > BATCH_BYTES) return this.#wait(line)
    this.#used += this.#filling.write(line, this.#used)
    this.#timer ??= setTimeout(() => this.#flush(), FLUSH_MS)
  }

  /** Resolves when everything is written; to be called before the process ends. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer)
    await this.#sending
    try {
      await this.#sink.writeLast(this.#filling.subarray(0, this.#used))
      for (const line of this.#takeWaiting()) await this.#sink.writeLast(Buffer.from(line))
    } catch {
      // Nobody reads the log any more: there is nobody left to tell.
    }
    this.#used = 0
  }

  #wait(line: string): void {
    if (this.#waitingBytes > MOST_WAITING_BYTES) {
      this.#dropped += 1
      return
    }
    this.#waiting.push(line)
    this.#waitingBytes += line.length
    this.#flush()
  }

  #flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const next = this.#spare
    // Without a spare one, a batch is being written: its end comes back here.
    if (!next || (this.#used === 0 && this.#waiting.length === 0)) return
    const full = this.#filling
    this.#sending = this.#send(full.subarray(0, this.#used)).then(() => this.#sent(full))
    this.#spare = undefined
    this.#filling = next
    this.#used = 0
  }

  async #send(bytes: Buffer): Promise<void> {
    for (let rest = bytes; rest.length > 0;) {
      // A pipe whose reader is slow takes a part, or asks to be tried again.
      const written = await this.#sink.write(rest)
      if (written === 0) await pause(FLUSH_MS)
      else rest = rest.subarray(written)
    }
  }

  #sent(full: Buffer): void {
    this.#spare = full
    if (this.#waiting.length === 0) return
    for (const line of this.#takeWaiting()) this.#keep(line)
    this.#flush()
  }

  /** A line that is larger than a batch is cut: it could never be written else. */
  #keep(line: string): void {
    if (this.#waiting.length > 0) return this.#wait(line)
    const fits = line.length * 3 <= BATCH_BYTES ? line : `${line.slice(0, BATCH_BYTES / 4)}…\n`
    this.write(fits)
  }

  #takeWaiting(): string[] {
    const lines = this.#waiting
    if (this.#dropped > 0)
      lines.push(`{"level":"error","msg":"log lines dropped","lines":${this.#dropped}}\n`)
    this.#waiting = []
    this.#waitingBytes = 0
    this.#dropped = 0
    return lines
  }
}

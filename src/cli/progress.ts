// How far a long command is: a bar on a terminal, one JSON line for each step otherwise.
import type { Writable } from 'node:stream'

export interface ProgressOptions {
  /** Standard error: standard output is the result's. */
  readonly stream: Writable & { readonly isTTY?: boolean; readonly columns?: number }
}

/** What a step means to somebody who watches. */
export interface ProgressText {
  /** From 0 to 1; undefined where nobody knows. */
  readonly fraction?: number | undefined
  readonly text: string
}

const BAR_WIDTH = 24
const DEFAULT_COLUMNS = 80

export class Progress {
  readonly #stream: ProgressOptions['stream']
  #isDrawn = false

  constructor({ stream }: ProgressOptions) {
    this.#stream = stream
  }

  /** A step, as it came and as a person reads it. */
  step(step: object, { fraction, text }: ProgressText): void {
    if (!this.#stream.isTTY) return void this.#stream.write(`${JSON.stringify(step)}\n`)
    const line = fraction === undefined ? text : `${barOf(fraction)} ${text}`
    this.#stream.write(`\r\u001b[K${line.slice(0, (this.#stream.columns ?? DEFAULT_COLUMNS) - 1)}`)
    this.#isDrawn = true
  }

  /** Takes the bar away, so that something else can be printed. */
  clear(): void {
    if (this.#isDrawn) this.#stream.write('\r\u001b[K')
    this.#isDrawn = false
  }
}

function barOf(fraction: number): string {
  const done = Math.round(Math.min(1, Math.max(0, fraction)) * BAR_WIDTH)
  const percent = `${Math.floor(fraction * 100)}%`.padStart(4)
  return `[${'#'.repeat(done)}${'.'.repeat(BAR_WIDTH - done)}]${percent}`
}

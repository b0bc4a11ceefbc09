// Whether an upstream is worth asking: after failures in a row it is left alone until it answers a probe.

export interface BreakerOptions {
  /** Asks the upstream for a sign of life; true when there was one. Rejects for the same as false. */
  readonly probe: (signal: AbortSignal) => Promise<boolean>
  /** Told of every change, for the log and metrics. */
  readonly onChange?: ((isOpen: boolean) => void) | undefined
  /** The first pause before a probe, doubled after each; default 250 ms. */
  readonly firstPauseMs?: number
}

/** As many failures at once, or two that were waited for, open it. */
const OPENING_WEIGHT = 8
const TIMEOUT_WEIGHT = 4
const FIRST_PAUSE_MS = 250
const MAX_PAUSE_MS = 10_000
const PROBE_TIMEOUT_MS = 5_000

/** Closed: requests go. Open: they do not, and probes in the background find out when they may again. */
export class Breaker {
  readonly #options: BreakerOptions
  readonly #closing = new AbortController()
  #weight = 0
  #isOpen = false
  #timer: NodeJS.Timeout | undefined

  constructor(options: BreakerOptions) {
    this.#options = options
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  succeeded(): void {
    this.#weight = 0
    if (this.#isOpen) this.#change(false)
  }

  /** `timedOut`: somebody had to wait for it. `opensNow`: others can be asked instead, so that one failure is enough. */
  failed({ timedOut, opensNow = false }: { timedOut: boolean; opensNow?: boolean }): void {
    this.#weight += opensNow ? OPENING_WEIGHT : timedOut ? TIMEOUT_WEIGHT : 1
    if (this.#isOpen || this.#weight < OPENING_WEIGHT || this.#closing.signal.aborted) return
    this.#change(true)
    this.#probeIn(this.#options.firstPauseMs ?? FIRST_PAUSE_MS)
  }

  close(): void {
    this.#closing.abort()
    clearTimeout(this.#timer)
  }

  #change(isOpen: boolean): void {
    this.#isOpen = isOpen
    if (!isOpen) clearTimeout(this.#timer)
    this.#options.onChange?.(isOpen)
  }

  #probeIn(pauseMs: number): void {
    this.#timer = setTimeout(() => void this.#probe(pauseMs), pauseMs).unref()
  }

  async #probe(pauseMs: number): Promise<void> {
    const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(PROBE_TIMEOUT_MS)])
    const isAlive = await this.#options.probe(signal).catch(() => false)
    if (!this.#isOpen || this.#closing.signal.aborted) return
    if (isAlive) this.succeeded()
    else this.#probeIn(Math.min(pauseMs * 2, MAX_PAUSE_MS))
  }
}

// Keeps logins from waiting, one after the other, for a backend that was just found to be down.
import { BackendUnavailableError } from './login-backend.ts'

const COOL_DOWN_MS = 5_000

export interface CircuitBreakerOptions {
  /** How long nothing is tried after a failure; default 5 s. */
  readonly coolDownMs?: number | undefined
  /** Told of the first failure after a success, for the log. */
  readonly onDown?: ((error: BackendUnavailableError) => void) | undefined
  /** Told of the first success after a failure. */
  readonly onUp?: (() => void) | undefined
}

/** After a failure nothing is tried for a while, and then by one caller alone until that went well. */
export class CircuitBreaker {
  readonly #options: CircuitBreakerOptions
  #isDown = false
  #isTrying = false
  #quietUntil = 0

  constructor(options: CircuitBreakerOptions = {}) {
    this.#options = options
  }

  /** What `work` answers. Only its {@link BackendUnavailableError}s count as failures; rejects with one while it is not tried. */
  async run<Value>(work: () => Promise<Value>): Promise<Value> {
    if (this.#isDown && (this.#isTrying || performance.now() < this.#quietUntil))
      throw new BackendUnavailableError('it could not be asked a moment ago')
    this.#isTrying = true
    try {
      const value = await work()
      this.#succeeded()
      return value
    } catch (error) {
      if (error instanceof BackendUnavailableError) this.#failed(error)
      else this.#succeeded()
      throw error
    } finally {
      this.#isTrying = false
    }
  }

  #succeeded(): void {
    if (!this.#isDown) return
    this.#isDown = false
    this.#options.onUp?.()
  }

  #failed(error: BackendUnavailableError): void {
    this.#quietUntil = performance.now() + (this.#options.coolDownMs ?? COOL_DOWN_MS)
    if (this.#isDown) return
    this.#isDown = true
    this.#options.onDown?.(error)
  }
}

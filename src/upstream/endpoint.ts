// One URL of an upstream: what is asked there, whether it is well, and how long it wants to be left alone.
import { RequestBudget, type Budget, type BudgetOptions } from './budget.ts'
import { Breaker } from './breaker.ts'
import { createCaller, type ApiCall, type Caller } from './caller.ts'
import { UpstreamError, UpstreamUnavailableError } from './errors.ts'
import { readRateLimit } from './rate-limit.ts'
import type { Authorization } from './authorization.ts'
import type { Transport, TransportResponse } from './transport.ts'

export interface EndpointOptions {
  readonly base: URL
  readonly transport: Transport
  readonly authorization: Authorization
  /** Others hold the same: the first failure is enough to turn to them. */
  readonly hasSubstitute: boolean
  readonly budget?: BudgetOptions | undefined
  /** Told when it is given up, and when it is back. */
  readonly onChange?: ((isDown: boolean) => void) | undefined
}

export class Endpoint {
  readonly base: URL
  readonly #transport: Transport
  readonly #send: Caller
  readonly #budget: RequestBudget
  readonly #breaker: Breaker
  readonly #hasSubstitute: boolean

  constructor({ base, transport, authorization, hasSubstitute, budget, onChange }: EndpointOptions) {
    this.base = base
    this.#transport = transport
    this.#send = createCaller(base, transport, authorization)
    this.#budget = new RequestBudget(budget)
    this.#breaker = new Breaker({ probe: (signal) => this.#isAlive(signal), onChange })
    this.#hasSubstitute = hasSubstitute
  }

  get budget(): Budget {
    return this.#budget
  }

  get isDown(): boolean {
    return this.#breaker.isOpen
  }

  readonly call: Caller = async (call) => {
    const kind = call.isPull === true ? 'pull' : 'other'
    this.#budget.check(kind)
    if (this.isDown)
      throw new UpstreamUnavailableError(`${this.base.host} failed before and is not asked now`)
    try {
      const response = await this.#send(call)
      this.#noteAnswer(response)
      return response
    } catch (error) {
      if (error instanceof UpstreamError) this.#noteFailure(error, call)
      throw error
    }
  }

  async close(): Promise<void> {
    this.#breaker.close()
    await this.#transport.close()
  }

  #noteAnswer(response: TransportResponse): void {
    this.#breaker.succeeded()
    this.#budget.learn(readRateLimit(response.header))
  }

  #noteFailure(error: UpstreamError, call: ApiCall): void {
    const isItsOwn = error.origin === this.base.origin
    if (isItsOwn) this.#budget.learn(error.rateLimit)
    if (isItsOwn) this.#budget.refused(call.isPull === true ? 'pull' : 'other', error)
    if (!(error instanceof UpstreamUnavailableError)) {
      this.#breaker.succeeded()
      return
    }
    // A CDN or token service that fails says nothing of the registry, whose probe would not notice either.
    if (!isItsOwn) return
    const { timedOut, status } = error
    // Some answer 500 for one repository and serve the others.
    this.#breaker.failed({ timedOut, opensNow: this.#hasSubstitute && status !== 500 })
  }

  /** Whether `GET /v2/` is answered, with whatever: only those in front of a registry say that it is not there. */
  async #isAlive(signal: AbortSignal): Promise<boolean> {
    const headers = { 'accept-encoding': 'identity' }
    const response = await this.#transport.send({
      method: 'GET',
      url: new URL('v2/', this.base),
      headers,
      signal,
    })
    await response.discard()
    return ![502, 503, 504].includes(response.status)
  }
}

// One upstream under several URLs: the first that is well is asked, the next ones when it fails.
import { UpstreamRateLimitedError, UpstreamUnavailableError } from './errors.ts'
import type { Budget } from './budget.ts'
import type { Caller } from './caller.ts'
import type { Endpoint } from './endpoint.ts'

/**
 * Asks the endpoints in their order. One that fails is passed over until its probe is answered: then it is the first again.
 * What one of them says no to (401, 403, 404) the others are not asked.
 */
export function failingOver(endpoints: readonly Endpoint[]): Caller {
  return async (call) => {
    const well = endpoints.filter(({ isDown }) => !isDown)
    const candidates = well.length > 0 ? well : endpoints.slice(0, 1)
    // What changes something may have changed it before it failed.
    const isRead = call.method === 'GET' || call.method === 'HEAD'
    let failure: unknown
    for (const { call: ask } of isRead ? candidates : candidates.slice(0, 1))
      try {
        return await ask(call)
      } catch (error) {
        if (!isWorthAnother(error)) throw error
        failure ??= error
      }
    throw failure
  }
}

/** The budget of the endpoint that would be asked now. */
export function budgetOf(endpoints: readonly [Endpoint, ...Endpoint[]]): Budget {
  const now = (): Budget => (endpoints.find(({ isDown }) => !isDown) ?? endpoints[0]).budget
  return {
    remainingShare: () => now().remainingShare(),
    isReserveOnly: () => now().isReserveOnly(),
    quota: () => now().quota(),
    quietMs: () => now().quietMs(),
  }
}

function isWorthAnother(error: unknown): boolean {
  return error instanceof UpstreamUnavailableError || error instanceof UpstreamRateLimitedError
}

// Logins of another registry, on hosts that stand for it: the registry itself says whether they are good.
import type { Ceiling } from '../access/ceiling.ts'
import type { Identity } from '../access/identity.ts'
import type { Credentials } from '../upstream/login/login-source.ts'
import { UpstreamDeniedError, UpstreamError, UpstreamUnauthorizedError } from '../upstream/errors.ts'
import { AuthenticationBusyError, InvalidCredentialError } from './authenticator.ts'
import { BackendUnavailableError, type LoginBackend } from './login-backend.ts'
import type { Verdict } from './verified-credentials.ts'

const GOOD_MS = 5 * 60_000
const MAX_AT_ONCE = 32

const PULL_ONLY: Ceiling = {
  allows: (action) => action === 'pull',
  allowsCatalog: false,
  lists: () => true,
  size: 0,
}

/** Nobody by name: a registry that anybody may ask for nothing proves none, so grants to accounts are not theirs. */
const READER: Identity = { name: undefined, method: 'basic', ceiling: PULL_ONLY }

/** `ping` rejects with an `UpstreamError` when the upstream refuses a login, or does not answer. */
export function upstreamBackend(ping: (login: Credentials) => Promise<void>): LoginBackend {
  let running = 0
  return {
    name: 'upstream',
    async check({ name, password }) {
      if (running >= MAX_AT_ONCE) throw new AuthenticationBusyError(1)
      running += 1
      try {
        return await verdictOf(() => ping({ username: name, password }))
      } finally {
        running -= 1
      }
    },
    stateOf: () => undefined,
  }
}

async function verdictOf(ping: () => Promise<void>): Promise<Verdict> {
  try {
    await ping()
  } catch (cause) {
    if (cause instanceof UpstreamUnauthorizedError || cause instanceof UpstreamDeniedError)
      throw new InvalidCredentialError('the registry that this host stands for refuses the login')
    if (cause instanceof UpstreamError)
      throw new BackendUnavailableError('the registry that this host stands for can not be asked', { cause })
    throw cause
  }
  return { identity: READER, lifeMs: GOOD_MS, stillHolds: () => true }
}

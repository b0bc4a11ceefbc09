// Several places that know accounts, asked in turn; one that can not be asked does not take the others with it.
import { lowestCeiling } from '../access/ceiling.ts'
import { InvalidCredentialError } from './authenticator.ts'
import { BackendUnavailableError, type Login, type LoginBackend } from './login-backend.ts'
import { Realms } from './realms.ts'
import type { Verdict } from './verified-credentials.ts'

export class LoginChain {
  readonly #realms: Realms

  constructor(backends: readonly LoginBackend[]) {
    this.#realms = new Realms(backends)
  }

  /**
   * The verdict of the first backend that knows the login, of those that have accounts there; undefined when none does.
   * Rejects with its {@link InvalidCredentialError}, and with {@link BackendUnavailableError} when none knew it and one could not be asked.
   */
  async check(login: Login): Promise<Verdict | undefined> {
    const backends = this.#realms.backendsAt(login)
    let unavailable: BackendUnavailableError | undefined
    for (const backend of backends) {
      try {
        const verdict = await backend.check(login)
        if (verdict) return confined(verdict, backend)
      } catch (error) {
        // Behind one that hashes, a wrong password must not be told from an unknown name by the hash that it spares.
        if (error instanceof InvalidCredentialError && !backend.checkDecoy)
          await checkDecoy(backends.slice(0, backends.indexOf(backend)), login)
        if (!(error instanceof BackendUnavailableError) || error.isFinal) throw error
        unavailable ??= error
      }
    }
    if (unavailable) throw unavailable
    if (login.isLenient !== true) await checkDecoy(backends, login)
    return undefined
  }
}

/** By the first backend that offers it. */
async function checkDecoy(backends: readonly LoginBackend[], login: Login): Promise<void> {
  const offers = backends.find((backend) => 'checkDecoy' in backend)
  await offers?.checkDecoy?.(login)
}

/** Here and not where the identity is used: one that names no account is within its backend's limits too. */
function confined(verdict: Verdict, { realm }: LoginBackend): Verdict {
  const ceiling = realm?.ceiling
  if (!ceiling) return verdict
  const { identity, lifeMs } = verdict
  return {
    identity: { ...identity, ceiling: lowestCeiling(ceiling, identity.ceiling) },
    lifeMs,
    stillHolds: () => verdict.stillHolds(),
  }
}

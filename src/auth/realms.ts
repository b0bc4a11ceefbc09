// Which login backends have accounts where, and what that means for who was found.
import { lowestCeiling } from '../access/ceiling.ts'
import type { Identity } from '../access/identity.ts'
import { InvalidCredentialError } from './authenticator.ts'
import type { LoginBackend } from './login-backend.ts'
import type { Place, Realm } from './realm.ts'

const DEFAULT_NAME = 'dockgate'

export class Realms {
  readonly #backends: readonly LoginBackend[]
  readonly #byBackend: ReadonlyMap<string, Realm>
  readonly #limiting: ReadonlyMap<string, LoginBackend>
  readonly #isOne: boolean

  constructor(backends: readonly LoginBackend[]) {
    this.#backends = backends
    this.#byBackend = new Map(backends.flatMap(({ name, realm }) => (realm ? [[name, realm]] : [])))
    this.#limiting = new Map(backends.flatMap((each) => (each.limitsOf ? [[each.name, each]] : [])))
    this.#isOne = [...this.#byBackend.values()].every(({ isEverywhere }) => isEverywhere)
  }

  /** Those that have accounts there, in their order. */
  backendsAt(place: Place): readonly LoginBackend[] {
    if (this.#isOne) return this.#backends
    return this.#backends.filter(({ realm }) => realm?.appliesTo(place) ?? true)
  }

  /** One text for all places where the same backends have accounts. */
  keyAt(place: Place): string {
    if (this.#isOne) return ''
    return this.#backends.map(({ realm }) => ((realm?.appliesTo(place) ?? true) ? 'y' : 'n')).join('')
  }

  /** What a Basic challenge calls the accounts that there are. */
  nameAt(place: Place): string {
    return this.backendsAt(place).find(({ realm }) => realm?.name !== undefined)?.realm?.name ?? DEFAULT_NAME
  }

  /** The caller within the limits of the realm that its account is of. Throws {@link InvalidCredentialError} outside of it. */
  confine(identity: Identity, place: Place): Identity {
    const { account } = identity
    const limits = account && this.#limiting.get(account.backend)?.limitsOf?.(account.key, place)
    if (limits) return { ...identity, ceiling: lowestCeiling(limits, identity.ceiling) }
    const realm = account && this.#byBackend.get(account.backend)
    if (!realm) return identity
    if (!realm.appliesTo(place)) throw new InvalidCredentialError('the account does not exist here')
    const { ceiling } = realm
    return ceiling ? { ...identity, ceiling: lowestCeiling(ceiling, identity.ceiling) } : identity
  }
}

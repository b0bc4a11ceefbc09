// The keys of the token service: the one that signs, and earlier ones whose tokens are still good.
import type { JWK } from 'jose'
import { AccountFingerprints } from '../account-fingerprint.ts'
import type { TokenKey } from '../token-key.ts'

/** A key as it signs. */
export interface SigningKey extends TokenKey {
  /** The key's certificate and its issuers, DER in base64: tokens carry them as `x5c` (RFC 7515 §4.1.6). */
  readonly certificates?: readonly string[] | undefined
}

/** A key with what is derived from it. */
export interface KnownKey extends SigningKey {
  /** A fingerprint in a token is verified with the key that signed the token: accounts outlive a change of keys. */
  readonly fingerprints: AccountFingerprints
}

/** The keys of now: a reload replaces them while tokens are issued and verified. */
export class TokenKeys {
  #current: KnownKey
  #known: ReadonlyMap<string, KnownKey>

  constructor(current: SigningKey, previous: readonly TokenKey[] = []) {
    this.#current = known(current)
    this.#known = byKid([...previous.map(known), this.#current])
  }

  /** From now on `current` signs; tokens of keys that are not given any more are refused. */
  replace(current: SigningKey, previous: readonly TokenKey[]): void {
    this.#current = known(current)
    this.#known = byKid([...previous.map(known), this.#current])
  }

  /** From now on tokens of these keys are good, too: they sign elsewhere, or will do so here. */
  learn(keys: readonly TokenKey[]): void {
    this.#known = byKid([...keys.map(known), ...this.#known.values()])
  }

  /** The key that signs. */
  get current(): KnownKey {
    return this.#current
  }

  /** The key that a token's `kid` names; undefined for one that is not, or no longer, ours. */
  find(kid: string | undefined): KnownKey | undefined {
    return kid === undefined ? undefined : this.#known.get(kid)
  }

  /** The public keys as a JWK Set (RFC 7517 §5), the one that signs first. */
  toJwks(): { keys: JWK[] } {
    const others = [...this.#known.values()].filter((key) => key !== this.#current)
    return { keys: [this.#current, ...others].map(toJwk) }
  }
}

function known(key: SigningKey): KnownKey {
  return { ...key, fingerprints: new AccountFingerprints(key) }
}

/** Of two of one name the last stays. */
function byKid(keys: readonly KnownKey[]): ReadonlyMap<string, KnownKey> {
  return new Map(keys.map((key) => [key.kid, key]))
}

function toJwk({ publicKey, kid, certificates }: KnownKey): JWK {
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid, use: 'sig', alg: 'ES256' }
  return certificates ? { ...jwk, x5c: [...certificates] } : jwk
}

// Remembers which `Authorization` headers were found to be good, without keeping them.
import { hash, randomBytes } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Identity } from '../access/identity.ts'
import { SingleFlight } from '../cache/single-flight.ts'
import { InvalidCredentialError } from './authenticator.ts'

/** A credential that was found to be good. */
export interface Verdict {
  readonly identity: Identity
  /** How long the verdict may be remembered. */
  readonly lifeMs: number
  /** Whether what the verdict rests on is unchanged; asked at every use, so it must be cheap. */
  stillHolds(): boolean
}

export interface VerifiedCredentialsOptions {
  /** Default 10,000; the one not used for longest goes first. */
  readonly maxEntries?: number
  /** What the verdicts may weigh together, by their scopes; default 16 MiB. */
  readonly maxBytes?: number
}

/** What a verdict takes in memory without scopes, and at most for each of them: measured, with room. */
const VERDICT_BYTES = 512
const SCOPE_BYTES = 640

/** Decides a credential once; answers later ones synchronously, while what the verdict rested on is unchanged. */
export class VerifiedCredentials {
  // One block of SHA-256: who reads the digests without the key learns no password by trying. A keyed prefix does in
  // place of an HMAC, which costs five times as much: no digest leaves the process, so nobody can extend one.
  readonly #key = randomBytes(32).toString('hex')
  readonly #verdicts: LRUCache<string, Verdict>
  // A client that opens ten connections at once presents one credential ten times.
  readonly #deciding = new SingleFlight<Identity>()

  constructor({ maxEntries = 10_000, maxBytes = 16 * 1024 * 1024 }: VerifiedCredentialsOptions = {}) {
    this.#verdicts = new LRUCache({
      max: maxEntries,
      // Anybody gets tokens, and chooses how many scopes they hold.
      maxSize: maxBytes,
      sizeCalculation: weigh,
      // The clock is read at every look-up: the alternative is a timer per millisecond.
      ttlResolution: 0,
    })
  }

  /** Rejects as `decide` does, and with {@link InvalidCredentialError} when its verdict does not hold any more. */
  identify(authorization: string, decide: () => Promise<Verdict>): Identity | Promise<Identity> {
    const fingerprint = hash('sha256', this.#key + authorization, 'base64')
    const known = this.#verdicts.get(fingerprint)
    if (known?.stillHolds()) return known.identity
    return this.#deciding.run(fingerprint, () => this.#decide(fingerprint, decide))
  }

  async #decide(fingerprint: string, decide: () => Promise<Verdict>): Promise<Identity> {
    const verdict = await decide()
    // An account may have changed or gone while its password hash was computed.
    if (!verdict.stillHolds()) throw new InvalidCredentialError('the account has changed or does not exist')
    this.#verdicts.set(fingerprint, verdict, { ttl: Math.max(1, verdict.lifeMs) })
    return verdict.identity
  }
}

function weigh({ identity }: Verdict): number {
  return VERDICT_BYTES + SCOPE_BYTES * (identity.ceiling?.size ?? 0)
}

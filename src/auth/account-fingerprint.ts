// What ties a token to the password it was got with: a token ends when its account's entry changes or goes.
import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'
import type { PasswordEntry } from './htpasswd.ts'
import type { TokenKey } from './token-key.ts'

const KEY_BYTES = 32
const FINGERPRINT_BYTES = 16

/** The accounts of now. */
export interface Accounts {
  get(name: string): PasswordEntry | undefined
}

/** Keyed, because clients can read their tokens: a fingerprint must not let anybody try passwords or compare hashes. */
export class AccountFingerprints {
  readonly #key: Buffer

  /** Everybody who has the token key finds the same fingerprints. */
  constructor({ privateKey }: Pick<TokenKey, 'privateKey'>) {
    const secret = privateKey.export({ type: 'pkcs8', format: 'der' })
    this.#key = Buffer.from(hkdfSync('sha256', secret, '', 'dockgate account fingerprint', KEY_BYTES))
  }

  /** The `account` claim of a token of this account. */
  of(entry: PasswordEntry): string {
    return this.#compute(entry).toString('base64url')
  }

  /** Whether the claim was made for the account as it is in this entry. */
  matches(claim: unknown, entry: PasswordEntry): boolean {
    const claimed = Buffer.from(typeof claim === 'string' ? claim : '', 'base64url')
    return claimed.length === FINGERPRINT_BYTES && timingSafeEqual(claimed, this.#compute(entry))
  }

  #compute({ name, hash }: PasswordEntry): Buffer {
    return createHmac('sha256', this.#key).update(`${name}:${hash}`).digest().subarray(0, FINGERPRINT_BYTES)
  }
}

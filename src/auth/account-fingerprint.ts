// What ties a token to the password it was got with: a token ends when its account's entry changes or goes.
import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'
import type { AccountRef } from '../access/identity.ts'
import type { TokenKey } from './token-key.ts'

const KEY_BYTES = 32
const FINGERPRINT_BYTES = 16

/** Keyed, because clients can read their tokens: a fingerprint must not let anybody try passwords or compare hashes. */
export class AccountFingerprints {
  readonly #key: Buffer

  /** Everybody who has the token key finds the same fingerprints. */
  constructor({ privateKey }: Pick<TokenKey, 'privateKey'>) {
    const secret = privateKey.export({ type: 'pkcs8', format: 'der' })
    this.#key = Buffer.from(hkdfSync('sha256', secret, '', 'dockgate account fingerprint', KEY_BYTES))
  }

  /** The fingerprint in a token of this account, in this state (see {@link LoginBackend.stateOf}). */
  of(account: AccountRef, state: string): string {
    return this.#compute(account, state).toString('base64url')
  }

  /** Whether the claim was made for the account in this state. */
  matches(claim: unknown, account: AccountRef, state: string): boolean {
    const claimed = Buffer.from(typeof claim === 'string' ? claim : '', 'base64url')
    return claimed.length === FINGERPRINT_BYTES && timingSafeEqual(claimed, this.#compute(account, state))
  }

  #compute({ backend, key }: AccountRef, state: string): Buffer {
    const text = JSON.stringify([backend, key, state])
    return createHmac('sha256', this.#key).update(text).digest().subarray(0, FINGERPRINT_BYTES)
  }
}

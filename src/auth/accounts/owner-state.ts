// What ties a personal token to its account's password, where its owner asked for that.
import { createHash } from 'node:crypto'

/** Of the account's state (see {@link LoginBackend.stateOf}); salted, so that the store tells nothing about passwords. */
export function ownerStateOf(tokenId: string, state: string): string {
  return createHash('sha256')
    .update(JSON.stringify([tokenId, state]))
    .digest('base64url')
}

// Whose an upload session is: who learns of its URL, from a log or a proxy, must not write to it or end it.
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Identity } from '../../access/identity.ts'

/**
 * What is kept with the session `id` of whoever began it: a name only for those who know it already. It is the account
 * that counts, not the connection, the address or the credential; all callers who did not log in are one.
 */
export function ownerOf(id: string, { name }: Identity): string {
  return createHmac('sha256', id)
    .update(name === undefined ? 'anonymous' : `account ${name}`)
    .digest('base64url')
}

/** `owner` is what was kept; a session that an older version began has none, and is anybody's who may push. */
export function isOwner(owner: string | undefined, id: string, identity: Identity): boolean {
  if (owner === undefined) return true
  const [kept, asked] = [Buffer.from(owner), Buffer.from(ownerOf(id, identity))]
  return kept.length === asked.length && timingSafeEqual(kept, asked)
}

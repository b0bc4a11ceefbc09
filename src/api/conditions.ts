// Conditional requests (RFC 9110 §13). The ETag of content is its digest, which occurs in nothing but its own ETag.
import type { IncomingMessage } from 'node:http'
import type { Digest } from '../oci/digest.ts'

/** Whether the client holds the content already, so that 304 is the answer (RFC 9110 §13.1.2). */
export function isKnown({ headers }: IncomingMessage, digest: Digest): boolean {
  const known = headers['if-none-match']
  return known !== undefined && (known.trim() === '*' || known.includes(digest))
}

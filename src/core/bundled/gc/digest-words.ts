// Digests as numbers: what compact tables are indexed by.
import { hexOf, type Digest } from '../../../oci/digest.ts'

/** The 32 bits of the digest's hash that begin at its hexadecimal digit `8 × position`; `position` is at most 7. */
export function wordOf(digest: Digest, position: number): number {
  return Number.parseInt(hexOf(digest).slice(position * 8, position * 8 + 8), 16)
}

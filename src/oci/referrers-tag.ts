// The tag under which clients kept the referrers of a manifest where registries had no API for it.
import { algorithmOf, hexOf, type Digest } from './digest.ts'
import type { Tag } from './reference.ts'

/** How much of a digest the tag holds. */
const MAX_ENCODED = 64

/** distribution-spec "Referrers Tag Schema". */
export function referrersTag(subject: Digest): Tag {
  // Letters, digits and a hyphen, shorter than 128 characters.
  return `${algorithmOf(subject)}-${hexOf(subject).slice(0, MAX_ENCODED)}` as Tag
}

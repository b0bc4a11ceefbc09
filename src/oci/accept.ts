// The `Accept` request header as a set (RFC 9110 §12.5.1). dockerd sends its values in a random order on several lines.
import { essenceOf } from './media-type.ts'

/** Which media types a client takes. */
export interface AcceptSet {
  accepts(mediaType: string): boolean
}

export const ACCEPT_ANYTHING: AcceptSet = { accepts: () => true }

/** Parses the header's value (lines joined by commas). No header, or one that names no type, accepts anything. */
export function parseAccept(header: string | undefined): AcceptSet {
  if (header === undefined) return ACCEPT_ANYTHING
  const accepted = new Set<string>()
  const refused = new Set<string>()
  for (const item of header.split(',')) {
    const type = essenceOf(item)
    if (type !== '') (/;\s*q=0(?:\.0*)?\s*(?:;|$)/i.test(item) ? refused : accepted).add(type)
  }
  if (accepted.size === 0 && refused.size === 0) return ACCEPT_ANYTHING
  return {
    accepts(mediaType) {
      if (refused.has(mediaType)) return false
      return accepted.has(mediaType) || accepted.has(`${mediaType.split('/')[0]}/*`) || accepted.has('*/*')
    },
  }
}

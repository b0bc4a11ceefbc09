// References: what a manifest is asked for by, a tag or a digest (distribution-spec "Pulling manifests": <reference>).
import { parseDigest, type Digest } from './digest.ts'

/** A mutable name of a manifest, checked by {@link parseTag}. It never holds a colon. */
export type Tag = string & { readonly __brand: 'Tag' }

export type Reference = Tag | Digest

const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/

export function parseTag(text: string): Tag | undefined {
  return TAG.test(text) ? (text as Tag) : undefined
}

/** The tag or digest that `text` spells, or undefined when it is neither. */
export function parseReference(text: string): Reference | undefined {
  return text.includes(':') ? parseDigest(text) : parseTag(text)
}

export function isDigest(reference: Reference): reference is Digest {
  return reference.includes(':')
}

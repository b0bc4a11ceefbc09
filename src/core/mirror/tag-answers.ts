// What clients are told along with a tag: its age, and what is wrong with it.
import { RegistryError } from '../../oci/error.ts'
import type { CacheVerdict, Manifest, ManifestAnswer } from '../registry.ts'
import type { HeldDigest } from './tag-hold.ts'
import type { TagMeaning, TagState } from './tag-states.ts'

/** What is here of a tag. */
export interface KnownTag {
  readonly state: TagState
  readonly manifest: Manifest
}

export const UNREACHABLE = 'the upstream registry can not be asked now: this tag may have moved there'
export const BEING_ASKED = 'the upstream registry is being asked: this tag may have moved there'
export const SCARCE =
  'this tag may have moved upstream: the pulls that are left there are for what is not here yet'

/** `now` in ms since the epoch. */
export function answerTag(
  manifest: Manifest,
  cache: CacheVerdict,
  { checkedAt, held }: TagMeaning,
  now: number,
): ManifestAnswer {
  const ageSeconds = Math.max(0, Math.floor((now - checkedAt) / 1000))
  const warning = held && `this tag has moved upstream: ${untilWhen(held)}`
  return { manifest, cache, ageSeconds, ...(warning === undefined ? {} : { warning }) }
}

export function answerStale({ manifest, state }: KnownTag, warning: string, now: number): ManifestAnswer {
  const cache = 'stale'
  // Nobody knows how old it is.
  if (state.checkedAt === 0) return { manifest, cache, warning }
  return { ...answerTag(manifest, cache, state, now), warning }
}

/** The refusal where nothing but what is held could be answered. */
export function refuseHeld(held: HeldDigest | undefined, cause?: unknown): RegistryError {
  const message = held ? untilWhen(held) : 'what this tag means is held'
  return new RegistryError('DENIED', `nothing older of this tag is here: ${message}`, { cause })
}

function untilWhen({ digest, until }: HeldDigest): string {
  return `${digest} is held until ${new Date(until).toISOString()}`
}

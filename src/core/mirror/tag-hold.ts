// Quarantine: a tag that moved upstream keeps its old meaning here until the new one has stood for a while.
import { digestOf, type Digest } from '../../oci/digest.ts'
import type { Tag } from '../../oci/reference.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import type { TagRun } from './tag-history.ts'

export interface HoldOptions {
  /** For how long the upstream must have meant a digest, without a break, before it is served. */
  readonly holdMs: number
  /** Whether the first digest that is seen of a tag is held as well; else it is served, as there is nothing older. */
  readonly holdsFirst: boolean
  /** What is never held. */
  readonly isExempt: (repository: RepositoryName, tag: Tag, digest: Digest) => boolean
  /** Differs whenever the rules do: what was decided by others is decided again. */
  readonly key: string
}

export interface HeldDigest {
  readonly digest: Digest
  /** When it will have stood long enough. */
  readonly until: number
}

export interface HoldVerdict {
  /** Undefined: nothing may be served yet. */
  readonly served: Digest | undefined
  /** What the upstream means now, when that is something else. */
  readonly held: HeldDigest | undefined
}

/** Decides over the meanings of a tag, of which the upstream confirmed the last one at `at`. */
export function judge(
  runs: readonly TagRun[],
  at: number,
  isExempt: (digest: Digest) => boolean,
  { holdMs, holdsFirst }: Pick<HoldOptions, 'holdMs' | 'holdsFirst'>,
): HoldVerdict {
  /** What was let through once is nothing new when the tag comes back to it. */
  const passed = new Set<Digest>()
  let verdict: HoldVerdict = { served: undefined, held: undefined }
  for (const [place, { digest, firstSeenAt, lastSeenAt }] of runs.entries()) {
    if (digest === undefined) continue
    const stoodUntil = place === runs.length - 1 ? Math.max(lastSeenAt, at) : lastSeenAt
    const isFirst = place === 0 && !holdsFirst
    if (isFirst || stoodUntil - firstSeenAt >= holdMs || isExempt(digest)) passed.add(digest)
    verdict = passed.has(digest)
      ? { served: digest, held: undefined }
      : { served: verdict.served, held: { digest, until: firstSeenAt + holdMs } }
  }
  return verdict
}

/** Identifies rules by what they say. */
export function keyOfRules(rules: unknown): string {
  return digestOf(JSON.stringify(rules)).slice(7, 23)
}

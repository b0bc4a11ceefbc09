// What has to go, the longest unused first. Images go as a whole: no blob goes that a manifest needs which stays.
import type { Digest } from '../../../oci/digest.ts'
import type { Survey, SurveyedManifest } from './survey.ts'

export interface EvictionRules {
  /** More than this and something goes; undefined: there is no limit. */
  readonly maxBytes: number | undefined
  /** What was last used before goes in any case, in ms since the epoch; undefined: nothing does. */
  readonly unusedBefore: number | undefined
}

export interface EvictionPlan {
  readonly manifests: readonly SurveyedManifest[]
  /** Bytes that nothing needs then. */
  readonly blobs: readonly Digest[]
}

/** Below the limit by so much, so that not every new blob has the whole store looked through. */
const ROOM_SHARE = 0.05

/** Something that can go: a manifest, or a blob that none needs. */
interface Candidate {
  readonly usedAt: number
  readonly isIndex: boolean
  readonly manifest: SurveyedManifest | undefined
  readonly needs: readonly Digest[]
}

export function planEviction(survey: Survey, { maxBytes, unusedBefore = 0 }: EvictionRules): EvictionPlan {
  const needed = countNeeds(survey)
  const isOver = maxBytes !== undefined && survey.bytes > maxBytes
  const target = isOver ? maxBytes * (1 - ROOM_SHARE) : Infinity
  const manifests: SurveyedManifest[] = []
  const blobs: Digest[] = []
  let { bytes } = survey
  for (const { usedAt, manifest, needs } of candidatesOf(survey, needed)) {
    if (bytes <= target && usedAt >= unusedBefore) break
    if (manifest) manifests.push(manifest)
    for (const digest of needs) {
      const left = (needed.get(digest) ?? 0) - 1
      needed.set(digest, left)
      const blob = left <= 0 ? survey.blobs.get(digest) : undefined
      if (!blob) continue
      blobs.push(digest)
      bytes -= blob.size
    }
  }
  return { manifests, blobs }
}

/** How many manifests need each blob. */
function countNeeds({ manifests }: Survey): Map<Digest, number> {
  const needed = new Map<Digest, number>()
  for (const { needs } of manifests)
    for (const digest of new Set(needs)) needed.set(digest, (needed.get(digest) ?? 0) + 1)
  return needed
}

/** The longest unused first; of those that were used together, what an index is about before the index. */
function candidatesOf(survey: Survey, needed: ReadonlyMap<Digest, number>): Candidate[] {
  const candidates: Candidate[] = survey.manifests.flatMap((manifest) => {
    const { usedAt, isIndex, isPinned, needs } = manifest
    return isPinned ? [] : [{ usedAt, isIndex, manifest, needs: [...new Set(needs)] }]
  })
  for (const [digest, { keptAt }] of survey.blobs)
    if (!needed.has(digest))
      candidates.push({ usedAt: keptAt, isIndex: false, manifest: undefined, needs: [digest] })
  return candidates.toSorted((a, b) => a.usedAt - b.usedAt || Number(a.isIndex) - Number(b.isIndex))
}

// One run of the garbage collector: what its parts share, and what it tells.
import type { Digest } from '../../../oci/digest.ts'
import type { RepositoryName } from '../../../oci/repository-name.ts'
import type { ContentStore } from '../../content/content-store.ts'
import type { BlobTable } from './blob-table.ts'
import type { Pace } from './pace.ts'
import type { SharedFence } from './shared-fence.ts'

/** What happens, as it happens. `total` is left out where it is not known. */
export type GcStep =
  | { readonly phase: 'list' | 'mark' | 'sweep'; readonly done: number; readonly total?: number }
  | { readonly manifest: Digest; readonly repository: RepositoryName }
  | { readonly blob: Digest; readonly bytes: number }

/** What came of a run; of a dry one, what would come of it. */
export interface GcReport {
  readonly dryRun: boolean
  readonly untagged: boolean
  readonly repositories: number
  /** Those that were found, the removed ones among them. */
  readonly manifests: number
  readonly blobs: number
  readonly removedManifests: number
  readonly removedBlobs: number
  readonly freedBytes: number
  /** Blobs that nothing needs, but that came or were asked for within the grace. */
  readonly waitingBlobs: number
  readonly durationMs: number
}

export type Counts = {
  -readonly [Name in Exclude<keyof GcReport, 'dryRun' | 'untagged' | 'durationMs'>]: GcReport[Name]
}

export interface GcRun {
  readonly content: ContentStore
  readonly fence: SharedFence
  readonly table: BlobTable
  /** What changed after this moment (ms since the epoch) is too young to go. */
  readonly cutoff: number
  readonly dryRun: boolean
  readonly untagged: boolean
  readonly signal: AbortSignal
  readonly counts: Counts
  /** A manifest is gone from the store; caches forget it before anybody may ask for it again. */
  readonly forget: (repository: RepositoryName, digest: Digest) => Promise<void>
  /** Rejects when nothing may be removed any more: another gateway has begun to serve the store, or a process is gone with what it knew. */
  readonly requireConsent: () => Promise<void>
  /** To be kept wherever the run goes through what may be many, but not while requests wait for it. */
  readonly pace: Pace
  /** True once in a while: then it is time to tell how far the run is. */
  readonly isTimeToTell: () => boolean
}

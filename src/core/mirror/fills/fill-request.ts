// What a fill is to do, and with whose help.
import type { ByteRange } from '../../../oci/byte-range.ts'
import type { Digest } from '../../../oci/digest.ts'
import type { RepositoryName } from '../../../oci/repository-name.ts'
import type { UpstreamBlob } from '../../../upstream/client.ts'
import type { FillClaims } from './fill-claims.ts'
import type { OrphanFills } from './fill-limits.ts'
import type { SpoolRoom } from './spool-room.ts'

/** What becomes of the bytes. */
export interface FillKeeper {
  /** Whether the bytes are kept already. */
  readonly isKept: (digest: Digest) => Promise<boolean>
  /** Keeps a file whose bytes are those of the digest. */
  readonly keep: (file: string, blob: { digest: Digest; size: number }) => Promise<void>
  /** Lets the repositories have the bytes that are kept. */
  readonly link: (repositories: Iterable<RepositoryName>, digest: Digest) => Promise<void>
}

export interface FillRequest extends FillKeeper {
  readonly digest: Digest
  /** By its name upstream. */
  readonly repository: string
  /** Those, by our names, of which the upstream said that they hold the blob; more may come. */
  readonly repositories: ReadonlySet<RepositoryName>
  /** Asks the upstream for the blob, or a part of it. */
  readonly open: (range?: ByteRange) => Promise<UpstreamBlob>
  /** Asks the upstream whether the repository holds the blob. */
  readonly stat: () => Promise<{ size: number }>
  readonly claims: FillClaims
  readonly room: SpoolRoom
  readonly orphans: OrphanFills
  /** To be aborted when nobody wants the blob any more; `signal` is then aborted, too. */
  readonly giveUp: AbortController
  readonly signal: AbortSignal
  /** Called as soon as whoever comes from now on is better served by a new fill. */
  readonly forget: () => void
}

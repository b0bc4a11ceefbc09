// The blobs that are on their way to this process, from the upstream or by way of another process of the machine.
import { AsyncLocalStorage } from 'node:async_hooks'
import { join } from 'node:path'
import type { ByteRange } from '../../../oci/byte-range.ts'
import { digestOf, hexOf, type Digest } from '../../../oci/digest.ts'
import { RegistryError } from '../../../oci/error.ts'
import type { RepositoryName } from '../../../oci/repository-name.ts'
import type { UpstreamClient } from '../../../upstream/client.ts'
import { MIRROR_FAILURES } from '../as-cache.ts'
import type { BlobFill } from './blob-fill.ts'
import { beginFill } from './begin-fill.ts'
import { FillClaims } from './fill-claims.ts'
import { OrphanFills, type FillLimits } from './fill-limits.ts'
import type { FillKeeper } from './fill-request.ts'
import { SpoolRoom } from './spool-room.ts'
import { sweepClaims } from './sweep-claims.ts'

export interface FillsOptions extends FillKeeper {
  readonly client: UpstreamClient
  /** From our names to the upstream's. */
  readonly nameOf: (repository: RepositoryName) => RepositoryName
  /** A folder on the local disk for blobs on their way, shared by all processes that keep the same blobs. */
  readonly spoolFolder: string
  readonly limits: FillLimits
}

/** A fill under way, and the repositories of which the upstream said that they hold the blob. */
export interface RunningFill {
  /** For which the upstream is asked. */
  readonly repository: RepositoryName
  readonly repositories: Set<RepositoryName>
  /** Undefined: it was kept this very moment. */
  readonly fill: Promise<BlobFill | undefined>
}

/** When a client that found too many downloads under way may come back. */
const BUSY_SECONDS = '5'
const SWEEP_MS = 10 * 60 * 1000

export class Fills {
  readonly #options: FillsOptions
  readonly #running = new Map<Digest, RunningFill>()
  readonly #claims: FillClaims
  readonly #orphans: OrphanFills
  readonly #room: SpoolRoom
  readonly #closing = new AbortController()
  readonly #sweeping: NodeJS.Timeout

  constructor(options: FillsOptions) {
    const { client, limits, spoolFolder } = options
    // What comes from one upstream proves nothing about another.
    const folder = join(spoolFolder, hexOf(digestOf(client.address)).slice(0, 32))
    this.#options = options
    this.#claims = new FillClaims(folder)
    this.#orphans = new OrphanFills(limits)
    this.#room = new SpoolRoom({ folder, reserveBytes: limits.reserveBytes })
    const sweep = () => void sweepClaims(folder, this.#claims).catch(publish)
    this.#sweeping = setInterval(sweep, SWEEP_MS).unref()
    sweep()
  }

  get(digest: Digest): RunningFill | undefined {
    return this.#running.get(digest)
  }

  /** Begins a fill, for a repository that the upstream is still to be asked about. */
  start(repository: RepositoryName, digest: Digest): RunningFill {
    if (this.#running.size >= this.#options.limits.maxFills)
      throw new RegistryError('UNAVAILABLE', 'too many blobs are being fetched: try again', {
        headers: { 'Retry-After': BUSY_SECONDS },
      })
    const repositories = new Set([repository])
    const forget = (): void => {
      if (this.#running.get(digest) === started) this.#running.delete(digest)
    }
    const { client, nameOf, ...keeper } = this.#options
    const name = nameOf(repository)
    const giveUp = new AbortController()
    const signal = AbortSignal.any([this.#closing.signal, giveUp.signal])
    // Also when a client reads: in the name of who asked first, who was let through for this repository.
    const asFirst = AsyncLocalStorage.snapshot()
    const fill = beginFill({
      ...keeper,
      digest,
      repository: name,
      repositories,
      // No caller's signal: whoever asked first may leave, the others go on.
      open: (range?: ByteRange) =>
        asFirst(() => client.openBlob(name, digest, range ? { signal, range } : { signal })),
      stat: () => client.statBlob(name, digest, { signal }),
      claims: this.#claims,
      room: this.#room,
      orphans: this.#orphans,
      giveUp,
      signal,
      forget,
    })
    const started = { repository, repositories, fill }
    this.#running.set(digest, started)
    fill.then((begun) => (begun ? begun.ended.then(forget) : forget()), forget)
    return started
  }

  /** Breaks off what is under way. */
  async close(): Promise<void> {
    clearInterval(this.#sweeping)
    this.#closing.abort()
    await Promise.allSettled([...this.#running.values()].map(async ({ fill }) => (await fill)?.ended))
  }
}

function publish(error: unknown): void {
  MIRROR_FAILURES.publish({ error })
}

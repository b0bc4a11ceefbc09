// Which process fetches which blob: of all who want one at once, in whatever process of the machine, one is the first.
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { algorithmOf, hexOf, type Digest } from '../../../oci/digest.ts'
import { thisProcess } from '../../../storage/process-identity.ts'
import { onDisk, ownBytes } from '../../../storage/disk-threads.ts'
import { whileAlone } from '../../../storage/while-alone.ts'
import { ACTIVE } from './active-claims.ts'
import { claimLine, type ClaimText } from './claim-text.ts'
import { OwnClaim } from './own-claim.ts'
import { SeenClaim } from './seen-claim.ts'

export type Claim = OwnClaim | SeenClaim

/** What a new owner says beside who it is. */
type Wanted = Pick<ClaimText, 'repository' | 'data' | 'size'>

/** How long a claim that is being written or removed is waited for before it is looked at again. */
const RETRY_MS = 3

/** Claims in one folder of the local disk: that of one upstream. */
export class FillClaims {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  /**
   * Claims the blob, or answers whose it is. Where its owner has gone, what it fetched is gone on with. `repository` is the
   * name that the upstream will be asked for. Rejects when the folder cannot be written to.
   */
  async take(digest: Digest, repository: string): Promise<Claim> {
    const path = join(this.#folder, `${algorithmOf(digest)}-${hexOf(digest)}.claim`)
    for (;;) {
      const own = await this.#create(path, repository)
      if (own) return own
      const seen = await SeenClaim.open(path)
      if (seen === undefined) continue
      const taken = await this.#judge(seen, repository)
      if (taken !== seen) await seen.close()
      if (taken) return taken
      await pause(RETRY_MS)
    }
  }

  /**
   * Goes on where the owner of `seen`, which is free, stopped, or answers who does already. Undefined when the claim is
   * gone: nothing is left to go on with.
   */
  async takeOver(seen: SeenClaim, repository: string): Promise<Claim | undefined> {
    return this.alone(async () => {
      const now = await SeenClaim.open(seen.path)
      if (now === undefined || now.text?.token !== seen.text?.token) return now
      await now.close()
      const { data, size } = seen.text && seen.mayBeContinued ? seen.text : fresh()
      if (data !== seen.text?.data) await seen.removeData()
      return this.#replace(seen.path, { repository, data, size })
    })
  }

  /** Runs `work` while nobody takes claims over in this folder. */
  alone<Result>(work: () => Promise<Result>): Promise<Result> {
    return whileAlone(join(this.#folder, 'guard'), work)
  }

  /** The claim itself where it holds, another one where it was free; undefined: to be looked at again. */
  async #judge(seen: SeenClaim, repository: string): Promise<Claim | undefined> {
    if (await seen.isFree()) return this.takeOver(seen, repository)
    const isEnding = seen.text === undefined || seen.text.end === 'failed' || seen.text.end === 'full'
    return isEnding ? undefined : seen
  }

  /** Undefined when there is one. */
  #create(path: string, repository: string): Promise<OwnClaim | undefined> {
    // One turn in a thread, in place of several: whoever asked waits for it.
    return this.#own(path, { repository, ...fresh() }, (line) => onDisk('createFile', path, line))
  }

  #replace(path: string, wanted: Wanted): Promise<OwnClaim | undefined> {
    return this.#own(path, wanted, async (line) => {
      await onDisk('replaceFile', path, line, { fsync: false })
      return true
    })
  }

  /** Undefined when `write` answers false. */
  async #own(
    path: string,
    wanted: Wanted,
    write: (line: Uint8Array) => Promise<boolean>,
  ): Promise<OwnClaim | undefined> {
    const text = { ...wanted, token: randomUUID(), owner: await thisProcess(), end: undefined }
    // Before anybody can read it: what this process claims and does not know of is void.
    ACTIVE.add(text.token)
    const isWritten = await write(ownBytes(Buffer.from(claimLine(text)))).catch((error: unknown) => {
      ACTIVE.delete(text.token)
      throw error
    })
    if (isWritten) return new OwnClaim({ folder: this.#folder, path, text })
    ACTIVE.delete(text.token)
    return undefined
  }
}

function fresh(): Pick<ClaimText, 'data' | 'size'> {
  return { data: `${randomUUID()}.data`, size: undefined }
}

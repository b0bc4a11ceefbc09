// The claim of this process on a blob that it fetches: others read there how it goes.
import { rm, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { ACTIVE } from './active-claims.ts'
import { claimLine, type ClaimText, type FillEnd } from './claim-text.ts'
import { SeenClaim } from './seen-claim.ts'

export interface OwnClaimOptions {
  readonly folder: string
  readonly path: string
  /** Open for writing behind the claim's first line; closed with it. */
  readonly handle: FileHandle
  readonly text: ClaimText
}

export class OwnClaim {
  readonly isOwn = true
  readonly #options: OwnClaimOptions
  #writing: Promise<unknown> = Promise.resolve()

  /** Its token is among the active ones already. */
  constructor(options: OwnClaimOptions) {
    this.#options = options
  }

  /** As an earlier owner was told; undefined when the upstream is still to be asked. */
  get size(): number | undefined {
    return this.#options.text.size
  }

  /** Where the bytes go. */
  get dataPath(): string {
    return join(this.#options.folder, this.#options.text.data)
  }

  /** Tells those who follow how large the blob is; the file of its bytes is there by now. */
  announce(size: number): Promise<void> {
    return this.#append({ size })
  }

  /** Tells those who follow how it ended. What cannot be written they take for a failure. */
  end(end: FillEnd): Promise<void> {
    return this.#append({ end }).catch(() => undefined)
  }

  /** Takes the bytes and the claim away; who has them open goes on reading. */
  async remove(): Promise<void> {
    const isOurs = await this.#isOurs()
    await this.#release()
    if (!isOurs) return
    await rm(this.dataPath, { force: true })
    await rm(this.#options.path, { force: true })
  }

  /** Leaves both as they are: whoever comes goes on from there. */
  async leave(): Promise<void> {
    await this.end('left')
    await this.#release()
  }

  async #append(part: Partial<ClaimText>): Promise<void> {
    const { handle } = this.#options
    const written = this.#writing.then(() => handle.appendFile(claimLine(part)))
    this.#writing = written.catch(() => undefined)
    await written
  }

  /** A process that was frozen for long may have been taken for gone. */
  async #isOurs(): Promise<boolean> {
    const now = await SeenClaim.open(this.#options.path)
    await now?.close()
    return now?.text?.token === this.#options.text.token
  }

  async #release(): Promise<void> {
    ACTIVE.delete(this.#options.text.token)
    await this.#writing
    await this.#options.handle.close()
  }
}

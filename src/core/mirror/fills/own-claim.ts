// The claim of this process on a blob that it fetches: others read there how it goes.
import { open, rm, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { ACTIVE } from './active-claims.ts'
import { claimLine, type ClaimText, type FillEnd } from './claim-text.ts'

export interface OwnClaimOptions {
  readonly folder: string
  readonly path: string
  readonly text: ClaimText
}

export class OwnClaim {
  readonly isOwn = true
  readonly #options: OwnClaimOptions
  readonly #file: Promise<FileHandle>
  #writing: Promise<unknown>

  /** Its token is among the active ones already. */
  constructor(options: OwnClaimOptions) {
    this.#options = options
    this.#file = open(options.path, 'a')
    this.#writing = this.#file.catch(() => undefined)
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
    const written = this.#writing.then(async () => (await this.#file).appendFile(claimLine(part)))
    this.#writing = written.catch(() => undefined)
    await written
  }

  /** A process that was frozen for long may have been taken for gone. */
  async #isOurs(): Promise<boolean> {
    // Another claim in its place leaves this one without a name.
    return (await (await this.#file).stat()).nlink > 0
  }

  async #release(): Promise<void> {
    ACTIVE.delete(this.#options.text.token)
    await this.#writing
    await (await this.#file).close()
  }
}

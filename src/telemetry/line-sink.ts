// Where batches of lines go.
import { write, writeSync } from 'node:fs'

export interface LineSink {
  /** Answers how many bytes were taken, none when it is to be tried again a little later. Never rejects. */
  write(bytes: Buffer): Promise<number>
  /** The last bytes before the process ends. Rejects or throws when they can not be written. */
  writeLast(bytes: Buffer): Promise<void> | void
}

/** A file descriptor that is open as long as the process runs: standard output. */
export class DescriptorSink implements LineSink {
  readonly #descriptor: number

  constructor(descriptor: number) {
    this.#descriptor = descriptor
  }

  /** Takes everything when nobody reads any more: there is nobody left to tell. */
  write(bytes: Buffer): Promise<number> {
    return new Promise((resolve) => {
      write(this.#descriptor, bytes, 0, bytes.length, null, (error, written) => {
        if (!error) resolve(written)
        else resolve(error.code === 'EAGAIN' ? 0 : bytes.length)
      })
    })
  }

  writeLast(bytes: Buffer): void {
    for (let written = 0; written < bytes.length;) written += writeSync(this.#descriptor, bytes, written)
  }
}

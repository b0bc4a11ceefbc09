// Pours request bodies into a session's file and hashes them on the way.
import type { Digest, Digester } from '../../oci/digest.ts'
import { RegistryError } from '../../oci/error.ts'
import type { FileWriter } from '../../storage/driver.ts'
import type { UploadChunk } from '../registry.ts'
import { eachPiece } from './each-piece.ts'

/** A session's writer during one request. */
export class UploadReceiver {
  readonly writer: FileWriter
  readonly #digester: Digester | undefined
  #hashedBytes: number

  /** `digester` has hashed everything that the writer holds; undefined where nobody has. */
  constructor(writer: FileWriter, digester: Digester | undefined) {
    this.writer = writer
    this.#digester = digester
    this.#hashedBytes = writer.size
  }

  /** Appends the chunk at the pace of the store. Rejects with `SIZE_INVALID` when it is not as long as was said. */
  async receive({ body, length }: UploadChunk): Promise<void> {
    const start = this.writer.size
    await eachPiece(body, (piece) => this.#write(piece, start, length))
    checkLength(this.writer.size - start, length)
  }

  /** The digester, when it has hashed all that was written. */
  get digester(): Digester | undefined {
    return this.#hashedBytes === this.writer.size ? this.#digester : undefined
  }

  digest(): Digest | undefined {
    return this.digester?.digest()
  }

  #write(bytes: Uint8Array, start: number, length: number | undefined): Promise<void> | undefined {
    if (length !== undefined && this.writer.size - start + bytes.length > length) throw sizeInvalid(length)
    this.#digester?.update(bytes)
    this.#hashedBytes += bytes.length
    return this.writer.write(bytes)
  }
}

function checkLength(received: number, length: number | undefined): void {
  if (length !== undefined && received !== length) throw sizeInvalid(length)
}

function sizeInvalid(length: number): RegistryError {
  return new RegistryError('SIZE_INVALID', `the body does not hold the ${length} bytes that were announced`)
}

// A store of very many images that exists as arithmetic alone: no disk, hardly any memory.
import { createHash } from 'node:crypto'
import type { Readable } from 'node:stream'
import { PathNotFoundError, type ListedEntry, type StorageDriver } from '../../../../src/storage/driver.ts'
import { OCI_MANIFEST } from '../../../../src/oci/media-type.ts'

export interface SyntheticOptions {
  readonly images: number
  /** Layers of each image that no other has. */
  readonly layers: number
  /** Blobs that nothing names. */
  readonly garbage: number
}

const ROOT = 'docker/registry/v2'

/** One repository, `big`; every hundredth image is tagged. */
export class SyntheticStore implements StorageDriver {
  readonly deleted = new Set<string>()
  readonly #options: SyntheticOptions
  /** By two hexadecimal digits: where each blob comes from, as 32 bytes of hash and 4 of its number. */
  readonly #shards: Buffer[]
  readonly #manifests: Buffer

  constructor(options: SyntheticOptions) {
    this.#options = options
    const { images, layers, garbage } = options
    const shards: Buffer[][] = Array.from({ length: 256 }, () => [])
    this.#manifests = Buffer.alloc(images * 32)
    const enter = (hash: Buffer, number: number) => {
      const entry = Buffer.alloc(36)
      hash.copy(entry)
      entry.writeInt32BE(number, 32)
      shards[hash[0] ?? 0]?.push(entry)
    }
    for (let image = 0; image < images; image += 1) {
      const hash = createHash('sha256').update(this.#manifestBytes(image)).digest()
      hash.copy(this.#manifests, image * 32)
      enter(hash, image)
      for (let part = 0; part <= layers; part += 1) enter(hashOf(`${image}/${part}`), -1)
    }
    for (let each = 0; each < garbage; each += 1) enter(hashOf(`garbage/${each}`), -1)
    this.#shards = shards.map((entries) => Buffer.concat(entries))
  }

  async *list(folder: string): AsyncGenerator<ListedEntry> {
    for (const name of this.#names(folder)) yield { name, isFolder: true }
  }

  async subfolders(folders: readonly string[]) {
    return folders.map((folder) => [...this.#names(folder)])
  }

  async readAll(path: string): Promise<Buffer> {
    const hash = /\/([0-9a-f]{64})\/(?:link|data)$/.exec(path)?.[1]
    const tag = /\/tags\/t(\d+)\/current\/link$/.exec(path)?.[1]
    if (tag !== undefined) return Buffer.from(`sha256:${this.#manifest(Number(tag)).toString('hex')}`)
    if (hash === undefined || this.deleted.has(hash)) throw new PathNotFoundError(path)
    if (path.endsWith('/link')) return Buffer.from(`sha256:${hash}`)
    const number = this.#numberOf(hash)
    if (number < 0) throw new PathNotFoundError(path)
    return this.#manifestBytes(number)
  }

  async stat() {
    return { size: 1000, modifiedAt: new Date(0) }
  }

  async sizes(paths: readonly string[]) {
    return paths.map(() => 1000)
  }

  async delete(path: string): Promise<void> {
    this.deleted.add(path.slice(path.lastIndexOf('/') + 1))
  }

  async read(path: string): Promise<Readable> {
    throw new PathNotFoundError(path)
  }

  writeAll = refuse
  writeEach = refuse
  writeNew = refuse
  openWriter = refuse
  copy = refuse
  adopt = refuse
  async close(): Promise<void> {}

  *#names(folder: string): Generator<string> {
    const repository = `${ROOT}/repositories/big`
    const shard = new RegExp(`^${ROOT}/blobs/sha256/([0-9a-f]{2})$`).exec(folder)?.[1]
    if (shard !== undefined) yield* this.#blobs(Number.parseInt(shard, 16))
    else if (folder === `${ROOT}/blobs`) yield 'sha256'
    else if (folder === `${ROOT}/blobs/sha256`)
      for (let first = 0; first < 256; first += 1) yield first.toString(16).padStart(2, '0')
    else if (folder === `${ROOT}/repositories`) yield 'big'
    else if (folder === repository) yield* ['_layers', '_manifests']
    else if (folder === `${repository}/_manifests/revisions`) yield 'sha256'
    else if (folder === `${repository}/_manifests/revisions/sha256`)
      for (let image = 0; image < this.#options.images; image += 1)
        yield this.#manifest(image).toString('hex')
    else if (folder === `${repository}/_manifests/tags`)
      for (let image = 0; image < this.#options.images; image += 100) yield `t${image}`
  }

  *#blobs(first: number): Generator<string> {
    const shard = this.#shards[first] ?? Buffer.alloc(0)
    for (let at = 0; at < shard.length; at += 36) yield shard.subarray(at, at + 32).toString('hex')
  }

  #manifest(image: number): Buffer {
    return this.#manifests.subarray(image * 32, image * 32 + 32)
  }

  #numberOf(hash: string): number {
    const wanted = Buffer.from(hash, 'hex')
    const shard = this.#shards[wanted[0] ?? 0] ?? Buffer.alloc(0)
    for (let at = 0; at < shard.length; at += 36)
      if (shard.compare(wanted, 0, 32, at, at + 32) === 0) return shard.readInt32BE(at + 32)
    return -1
  }

  #manifestBytes(image: number): Buffer {
    const descriptor = (part: number) => ({
      mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
      digest: `sha256:${hashOf(`${image}/${part}`).toString('hex')}`,
      size: 1000,
    })
    const layers = Array.from({ length: this.#options.layers }, (_, at) => descriptor(at + 1))
    const manifest = { schemaVersion: 2, mediaType: OCI_MANIFEST, config: descriptor(0), layers }
    return Buffer.from(JSON.stringify(manifest))
  }
}

function hashOf(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

async function refuse(): Promise<never> {
  throw new Error('nothing is written here')
}

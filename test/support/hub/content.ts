// What the stand-in holds: repositories with tags, manifests and blobs, from memory or from OCI layouts on disk.
import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { parseDigest, type Digest } from '../../../src/oci/digest.ts'
import { isIndexType } from '../../../src/oci/media-type.ts'
import { parseManifest } from '../../../src/oci/manifest.ts'
import type { Content, Described, Image, Index } from '../images.ts'
import { blobPath, readLayout } from '../oci-layout.ts'
import { bodyOf, type ReplyBody } from './exchange.ts'

interface Repository {
  readonly tags: Map<string, Digest>
  readonly manifests: Map<Digest, Content>
  readonly blobs: Set<Digest>
}

export class HubContent {
  readonly #repositories = new Map<string, Repository>()
  /** Every blob of every repository, as the CDN has them. */
  readonly #blobs = new Map<Digest, ReplyBody>()

  /** Adds an image or index as `library/alpine:3.20`. */
  add(reference: string, item: Image | Index): void {
    const [name = '', tag] = reference.split(':')
    if (tag === undefined) throw new Error(`${reference} has no tag`)
    const repository = this.#repository(name)
    this.#addItem(repository, item)
    repository.tags.set(tag, item.manifest.digest)
  }

  /** Adds every tag of an OCI layout on disk; its blobs stay there. */
  async addLayout(name: string, folder: string): Promise<void> {
    const repository = this.#repository(name)
    for (const [tag, manifest] of Object.entries(await readLayout(folder))) {
      await this.#addFromLayout(repository, folder, manifest)
      repository.tags.set(tag, manifest.digest)
    }
  }

  /** Points a tag at a manifest that the repository holds. */
  moveTag(name: string, tag: string, digest: Digest): void {
    const repository = this.#repository(name)
    if (!repository.manifests.has(digest)) throw new Error(`${name} does not hold ${digest}`)
    repository.tags.set(tag, digest)
  }

  /** Takes a tag away; what it named stays. */
  deleteTag(name: string, tag: string): void {
    this.#repository(name).tags.delete(tag)
  }

  /** Takes a blob away that manifests may still name. */
  deleteBlob(name: string, digest: Digest): void {
    this.#repository(name).blobs.delete(digest)
  }

  has(name: string): boolean {
    return this.#repositories.has(name)
  }

  /** The manifest behind a tag or digest. */
  manifest(name: string, reference: string): Content | undefined {
    const repository = this.#repositories.get(name)
    const digest = parseDigest(reference) ?? repository?.tags.get(reference)
    return digest === undefined ? undefined : repository?.manifests.get(digest)
  }

  /** Tags in the order of their characters' codes, as the spec has them. */
  tags(name: string): string[] {
    return [...(this.#repositories.get(name)?.tags.keys() ?? [])].toSorted()
  }

  /** A blob of one repository. */
  blob(name: string, digest: Digest): ReplyBody | undefined {
    return this.#repositories.get(name)?.blobs.has(digest) === true ? this.#blobs.get(digest) : undefined
  }

  /** A blob, whoever's it is. */
  anyBlob(digest: Digest): ReplyBody | undefined {
    return this.#blobs.get(digest)
  }

  #repository(name: string): Repository {
    const known = this.#repositories.get(name)
    if (known) return known
    const created: Repository = { tags: new Map(), manifests: new Map(), blobs: new Set() }
    this.#repositories.set(name, created)
    return created
  }

  #addItem(repository: Repository, item: Image | Index): void {
    repository.manifests.set(item.manifest.digest, item.manifest)
    if ('images' in item) for (const image of item.images) this.#addItem(repository, image)
    else for (const blob of item.blobs) this.#addBlob(repository, blob.digest, bodyOf(blob.bytes))
  }

  async #addFromLayout(repository: Repository, folder: string, described: Described): Promise<void> {
    const bytes = await readFile(blobPath(folder, described.digest))
    repository.manifests.set(described.digest, { ...described, bytes })
    const parsed = parseManifest(bytes, described.mediaType)
    for (const { digest, size } of parsed.blobs)
      this.#addBlob(repository, digest, fileBody(blobPath(folder, digest), size))
    if (isIndexType(parsed.mediaType))
      for (const child of parsed.manifests) await this.#addFromLayout(repository, folder, child)
  }

  #addBlob(repository: Repository, digest: Digest, body: ReplyBody): void {
    repository.blobs.add(digest)
    this.#blobs.set(digest, body)
  }
}

function fileBody(path: string, size: number): ReplyBody {
  // createReadStream's end is inclusive: an empty range needs a stream of its own.
  const read = (start: number, end: number): Readable =>
    end > start ? createReadStream(path, { start, end: end - 1 }) : Readable.from([])
  return { size, read }
}

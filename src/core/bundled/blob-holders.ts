// Who holds a blob? The layout only says what a repository holds, so this remembers the other way round, and searches a bit.
import { LRUCache } from 'lru-cache'
import type { Digest } from '../../oci/digest.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import type { ContentStore } from '../content/content-store.ts'

const MAX_REMEMBERED_BLOBS = 10_000
const MAX_HOLDERS = 4
/** Repositories that are read from the listing, on two places each, before a search is given up. */
const MAX_LISTED = 100

export type MayPull = (candidate: RepositoryName) => boolean

/** A memory that may be wrong either way: what it names is looked at before it is believed. */
export class BlobHolders {
  readonly #content: ContentStore
  readonly #remembered = new LRUCache<Digest, readonly RepositoryName[]>({ max: MAX_REMEMBERED_BLOBS })

  constructor(content: ContentStore) {
    this.#content = content
  }

  /** The repository was seen to hold the blob. */
  remember(repository: RepositoryName, digest: Digest): void {
    const known = this.#remembered.get(digest) ?? []
    if (known.includes(repository)) return
    this.#remembered.set(digest, [repository, ...known].slice(0, MAX_HOLDERS))
  }

  /** A repository that `mayPull` admits and that holds the blob, `near` before all; the others are not even looked at. */
  async find(digest: Digest, near: RepositoryName, mayPull: MayPull): Promise<RepositoryName | undefined> {
    const remembered = this.#remembered.get(digest) ?? []
    const known = await this.#firstHolder([near, ...remembered], digest, mayPull)
    if (known !== undefined) return known
    // Most blobs that are asked for so are new: then there is nothing to search for.
    if ((await this.#content.blobs.stat(digest)) === undefined) return undefined
    const neighbours = await this.#listed(near.split('/')[0])
    return (
      (await this.#firstHolder(neighbours, digest, mayPull)) ??
      this.#firstHolder(await this.#listed(undefined), digest, mayPull)
    )
  }

  async #firstHolder(
    candidates: readonly RepositoryName[],
    digest: Digest,
    mayPull: MayPull,
  ): Promise<RepositoryName | undefined> {
    for (const candidate of candidates)
      if (mayPull(candidate) && (await this.#content.blobs.find(candidate, digest)) !== undefined)
        return candidate
    return undefined
  }

  async #listed(last: string | undefined): Promise<readonly RepositoryName[]> {
    const page = { limit: MAX_LISTED, ...(last === undefined ? {} : { last }) }
    return (await this.#content.repositories.list(page)).items
  }
}

// Who holds a blob? The layout only says what a repository holds, so this remembers the other way round, and searches a bit.
import { LRUCache } from 'lru-cache'
import type { Peers } from '../../cache/peers.ts'
import { parseDigest, type Digest } from '../../oci/digest.ts'
import { parseRepositoryName, type RepositoryName } from '../../oci/repository-name.ts'
import type { ContentStore } from '../content/content-store.ts'

const MAX_REMEMBERED_BLOBS = 10_000
const MAX_HOLDERS = 4
/** Repositories that are read from the listing, on two places each, before a search is given up. */
const MAX_LISTED = 100

export type MayPull = (candidate: RepositoryName) => boolean

/** Who else may remember a holder. */
export interface OtherMemories {
  readonly peers: Peers
  /** The same in all processes, and for no other store. */
  readonly topic: string
}

/** A memory that may be wrong either way: what it names is looked at before it is believed. */
export class BlobHolders {
  readonly #content: ContentStore
  readonly #others: OtherMemories | undefined
  readonly #remembered = new LRUCache<Digest, readonly RepositoryName[]>({ max: MAX_REMEMBERED_BLOBS })

  /** `others` are asked where this process knows no holder; by default there are none. */
  constructor(content: ContentStore, others?: OtherMemories) {
    this.#content = content
    this.#others = others
    others?.peers.answer(others.topic, (digest) => {
      const known = typeof digest === 'string' ? parseDigest(digest) : undefined
      return known === undefined ? [] : (this.#remembered.get(known) ?? [])
    })
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
      (await this.#firstHolder(await this.#rememberedElsewhere(digest), digest, mayPull)) ??
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

  async #rememberedElsewhere(digest: Digest): Promise<readonly RepositoryName[]> {
    const answers = (await this.#others?.peers.ask(this.#others.topic, digest)) ?? []
    const names = answers.flatMap((answer) => (Array.isArray(answer) ? answer : []))
    return names.flatMap((name) => parseRepositoryName(String(name)) ?? [])
  }

  async #listed(last: string | undefined): Promise<readonly RepositoryName[]> {
    const page = { limit: MAX_LISTED, ...(last === undefined ? {} : { last }) }
    return (await this.#content.repositories.list(page)).items
  }
}

// Tags as they stood at a moment of the past. The upstream is not asked what they mean: its word is of now.
import { LRUCache } from 'lru-cache'
import type { Digest } from '../../oci/digest.ts'
import { RegistryError } from '../../oci/error.ts'
import { parseTag, type Tag } from '../../oci/reference.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import type { ManifestAnswer, Page, PageRequest } from '../registry.ts'
import type { MirrorDigests } from './mirror-digests.ts'
import { runAt, type TagHistory } from './tag-history.ts'

export interface TagsAsOfOptions {
  readonly history: TagHistory
  readonly digests: MirrorDigests
  /** In ms since the epoch. */
  readonly asOf: number
}

const MAX_TAGS = 50_000

/** Rejects with `UpstreamError`s where bytes are not here any more, and with `MANIFEST_UNKNOWN`. */
export class TagsAsOf {
  readonly #options: TagsAsOfOptions
  /** The past does not change. */
  readonly #meanings = new LRUCache<string, Digest>({ max: MAX_TAGS })

  constructor(options: TagsAsOfOptions) {
    this.#options = options
  }

  /** What memory can answer, at once. */
  peek(repository: RepositoryName, tag: Tag): ManifestAnswer | undefined {
    const digest = this.#meanings.get(`${repository}:${tag}`)
    const manifest = digest && this.#options.digests.peek(repository, digest)
    return manifest && { manifest, cache: 'hit' }
  }

  /** What can be answered without the upstream. */
  async find(repository: RepositoryName, tag: Tag): Promise<ManifestAnswer | undefined> {
    const digest = await this.#resolve(repository, tag)
    const manifest = digest && (await this.#options.digests.find(repository, digest))
    return manifest && { manifest, cache: 'hit' }
  }

  async get(repository: RepositoryName, tag: Tag): Promise<ManifestAnswer> {
    const digest = await this.#resolve(repository, tag)
    if (digest === undefined) throw this.#unknown('MANIFEST_UNKNOWN', 'this tag was not known')
    this.#meanings.set(`${repository}:${tag}`, digest)
    return this.#options.digests.get(repository, digest)
  }

  /** In byte order. */
  async list(repository: RepositoryName, { limit, last }: PageRequest): Promise<Page<Tag>> {
    const items: Tag[] = []
    let isKnown = false
    for await (const name of this.#options.history.tags(repository)) {
      const tag = parseTag(name)
      isKnown = true
      if (tag === undefined || (last !== undefined && tag <= last)) continue
      if ((await this.#resolve(repository, tag)) === undefined) continue
      if (items.length >= limit) return { items, more: limit > 0 }
      items.push(tag)
    }
    if (!isKnown) throw this.#unknown('NAME_UNKNOWN', 'this repository was not known')
    return { items, more: false }
  }

  async #resolve(repository: RepositoryName, tag: Tag): Promise<Digest | undefined> {
    const { asOf, history } = this.#options
    return runAt(await history.runs(repository, tag), asOf)?.digest
  }

  #unknown(code: 'MANIFEST_UNKNOWN' | 'NAME_UNKNOWN', what: string): RegistryError {
    const date = new Date(this.#options.asOf).toISOString()
    return new RegistryError(code, `${what} as of ${date}, which is what is served here`)
  }
}

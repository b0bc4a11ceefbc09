// What a mirror knows of a tag: where it pointed, and when the upstream last said so. In memory, and beside the tag's link.
import { LRUCache } from 'lru-cache'
import { parseDigest, type Digest } from '../../oci/digest.ts'
import type { Tag } from '../../oci/reference.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import { PathNotFoundError } from '../../storage/driver.ts'
import type { ContentStore } from '../content/content-store.ts'
import { tagFolder } from '../content/layout.ts'
import { asCache } from './as-cache.ts'

export interface TagState {
  readonly digest: Digest
  /** When the upstream last confirmed it, in ms since the epoch. 0: never, as far as is known. */
  readonly checkedAt: number
  /** The upstream failed: it is not asked again before. */
  readonly retryAt?: number
  /** The store has it, too. */
  readonly isKept?: boolean
}

const MAX_TAGS = 50_000
const MAX_STATE_BYTES = 4096

export class TagStates {
  readonly #content: ContentStore
  readonly #memory = new LRUCache<string, TagState>({ max: MAX_TAGS })

  constructor(content: ContentStore) {
    this.#content = content
  }

  /** What memory holds, at once. */
  peek(repository: RepositoryName, tag: Tag): TagState | undefined {
    return this.#memory.get(keyOf(repository, tag))
  }

  /** The newest of memory and store: another process may have asked the upstream meanwhile. */
  async load(repository: RepositoryName, tag: Tag): Promise<TagState | undefined> {
    const known = this.peek(repository, tag)
    const read = await asCache(async () => ({ kept: await this.#read(repository, tag) }))
    if (!read) return known
    const { kept } = read
    if (!kept && known?.isKept === true) {
      // Another process has forgotten it.
      this.#memory.delete(keyOf(repository, tag))
      return undefined
    }
    if (!kept || (known && known.checkedAt >= kept.checkedAt)) return known
    this.#memory.set(keyOf(repository, tag), kept)
    return kept
  }

  /** The upstream said at `checkedAt` that the tag points to `digest`, a manifest that the repository holds. */
  async confirm(repository: RepositoryName, tag: Tag, digest: Digest, checkedAt: number): Promise<void> {
    this.#memory.set(keyOf(repository, tag), { digest, checkedAt })
    await asCache(async () => {
      await this.#content.tags.set(repository, tag, digest)
      const bytes = Buffer.from(JSON.stringify({ digest, checkedAt }))
      await this.#content.driver.writeAll(pathOf(repository, tag), bytes)
      this.#memory.set(keyOf(repository, tag), { digest, checkedAt, isKept: true })
    })
  }

  /** The upstream has no such tag any more. */
  async forget(repository: RepositoryName, tag: Tag): Promise<void> {
    this.#memory.delete(keyOf(repository, tag))
    await asCache(() => this.#content.tags.delete(repository, tag))
  }

  /** The upstream failed: what is known stays, and is not asked for again before `retryAt`. */
  defer(repository: RepositoryName, tag: Tag, state: TagState, retryAt: number): void {
    this.#memory.set(keyOf(repository, tag), { ...state, retryAt })
  }

  async #read(repository: RepositoryName, tag: Tag): Promise<TagState | undefined> {
    const digest = await this.#content.tags.resolve(repository, tag)
    if (digest === undefined) return undefined
    const checked = await this.#readFile(repository, tag)
    // registry:2 may have moved the tag on the same folder: then nobody knows how old that is.
    return checked?.digest === digest ? { ...checked, isKept: true } : { digest, checkedAt: 0, isKept: true }
  }

  async #readFile(repository: RepositoryName, tag: Tag): Promise<TagState | undefined> {
    try {
      const bytes = await this.#content.driver.readAll(pathOf(repository, tag), { maxBytes: MAX_STATE_BYTES })
      return parseState(bytes.toString())
    } catch (error) {
      if (error instanceof PathNotFoundError || error instanceof RangeError) return undefined
      throw error
    }
  }
}

function parseState(text: string): TagState | undefined {
  const digest = parseDigest(/"digest":"([^"]*)"/.exec(text)?.[1] ?? '')
  const checkedAt = Number(/"checkedAt":(\d{1,16})\b/.exec(text)?.[1])
  return digest === undefined || Number.isNaN(checkedAt) ? undefined : { digest, checkedAt }
}

function pathOf(repository: RepositoryName, tag: Tag): string {
  return `${tagFolder(repository, tag)}/dockgate.json`
}

function keyOf(repository: RepositoryName, tag: Tag): string {
  return `${repository}:${tag}`
}

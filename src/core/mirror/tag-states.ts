// What a mirror knows of a tag: where it points, when the upstream last said so, and what it meant before. In memory, and
// beside the tag's link.
import { LRUCache } from 'lru-cache'
import { parseDigest, type Digest } from '../../oci/digest.ts'
import type { Tag } from '../../oci/reference.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import { PathNotFoundError } from '../../storage/driver.ts'
import type { ContentStore } from '../content/content-store.ts'
import { tagFolder } from '../content/layout.ts'
import { asCache } from './as-cache.ts'
import { TagHistory, type TagRun } from './tag-history.ts'

export interface TagState {
  readonly digest: Digest
  /** When the upstream last confirmed it, in ms since the epoch. 0: never, as far as is known. */
  readonly checkedAt: number
  /** The upstream failed: it is not asked again before. */
  readonly retryAt?: number
  /** The store has it, too. */
  readonly isKept?: boolean
  /** Its history knows of it. */
  readonly isRecorded?: boolean
}

const MAX_TAGS = 50_000
const MAX_STATE_BYTES = 4096

export class TagStates {
  readonly #content: ContentStore
  readonly #history: TagHistory
  readonly #memory = new LRUCache<string, TagState>({ max: MAX_TAGS })

  constructor(content: ContentStore) {
    this.#content = content
    this.#history = new TagHistory(content.driver)
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
    const before = this.peek(repository, tag)
    const isRecorded = before?.isRecorded === true && before.digest === digest
    const state: TagState = { digest, checkedAt, isRecorded }
    this.#memory.set(keyOf(repository, tag), state)
    await asCache(async () => {
      await this.#content.tags.set(repository, tag, digest)
      const bytes = Buffer.from(JSON.stringify({ digest, checkedAt }))
      await this.#content.driver.writeAll(pathOf(repository, tag), bytes)
      this.#memory.set(keyOf(repository, tag), { ...state, isKept: true })
      if (isRecorded) return
      const sighting = { digest, seenAt: checkedAt, beforeAt: before && seenAtOf(before) }
      await this.#history.record(repository, tag, sighting)
      this.#memory.set(keyOf(repository, tag), { ...state, isKept: true, isRecorded: true })
    })
  }

  /** The upstream said at `checkedAt` that it has no such tag any more. */
  async forget(repository: RepositoryName, tag: Tag, checkedAt: number): Promise<void> {
    const before = this.peek(repository, tag)
    this.#memory.delete(keyOf(repository, tag))
    await asCache(async () => {
      await this.#content.tags.delete(repository, tag)
      const sighting = { digest: undefined, seenAt: checkedAt, beforeAt: before && seenAtOf(before) }
      await this.#history.record(repository, tag, sighting)
    })
  }

  /** Everything that the tag is known to have meant, the oldest first. */
  async history(repository: RepositoryName, tag: Tag): Promise<TagRun[]> {
    const [runs, state] = await Promise.all([this.#history.runs(repository, tag), this.load(repository, tag)])
    const last = runs.at(-1)
    if (!last || !state || state.digest !== last.digest) return runs
    return [...runs.slice(0, -1), { ...last, lastSeenAt: Math.max(last.lastSeenAt, state.checkedAt) }]
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

/** When the upstream last confirmed it, if that is known. */
function seenAtOf({ checkedAt }: TagState): number | undefined {
  return checkedAt === 0 ? undefined : checkedAt
}

function pathOf(repository: RepositoryName, tag: Tag): string {
  return `${tagFolder(repository, tag)}/dockgate.json`
}

function keyOf(repository: RepositoryName, tag: Tag): string {
  return `${repository}:${tag}`
}

// What a mirror knows of a tag: where it points, when the upstream last said so, and what it meant before. In memory, and
// beside the tag's link.
import { LRUCache } from 'lru-cache'
import { z } from 'zod'
import { parseDigest, type Digest } from '../../oci/digest.ts'
import type { Tag } from '../../oci/reference.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import { PathNotFoundError } from '../../storage/driver.ts'
import type { ContentStore } from '../content/content-store.ts'
import { tagFolder } from '../content/layout.ts'
import { asCache } from './as-cache.ts'
import { TagHistory, type Sighting, type TagRun } from './tag-history.ts'
import type { HeldDigest } from './tag-hold.ts'
import type { TagNews, TagNewsKind } from './tag-news.ts'

/** What was served since the upstream was asked. */
export interface TagMeaning {
  readonly digest: Digest
  /** When the upstream last confirmed it, in ms since the epoch. 0: never, as far as is known. */
  readonly checkedAt: number
  /** What the upstream meant then, when that is not served yet. */
  readonly held?: HeldDigest | undefined
  /** Names the rules by which it was decided what is served; undefined: there were none. */
  readonly rules?: string | undefined
}

export interface TagState extends TagMeaning {
  /** The upstream failed: it is not asked again before. */
  readonly retryAt?: number
  /** The upstream said no: nobody is served before it was asked again. */
  readonly isRefused?: boolean
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
  readonly #news: TagNews | undefined
  readonly #memory = new LRUCache<string, TagState>({ max: MAX_TAGS })

  /** `news`: what other processes are told, and tell; by default there are none. */
  constructor(content: ContentStore, news?: TagNews) {
    this.#content = content
    this.#news = news
    news?.listen((kind, repository, tag) => this.#hear(kind, repository, tag))
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

  /** Keeps what the tag means from now on: a manifest that the repository holds. */
  async confirm(repository: RepositoryName, tag: Tag, meaning: TagMeaning): Promise<void> {
    const before = this.peek(repository, tag)
    const isRecorded = before?.isRecorded === true && upstreamDigest(before) === upstreamDigest(meaning)
    const state: TagState = { ...meaning, isRecorded }
    this.#memory.set(keyOf(repository, tag), state)
    await asCache(async () => {
      await this.#content.tags.set(repository, tag, meaning.digest)
      await this.#content.driver.writeAll(pathOf(repository, tag), encodeState(meaning))
      this.#memory.set(keyOf(repository, tag), { ...state, isKept: true })
      if (isRecorded) return
      await this.#record(
        repository,
        tag,
        { digest: upstreamDigest(meaning), seenAt: meaning.checkedAt },
        before,
      )
      this.#memory.set(keyOf(repository, tag), { ...state, isKept: true, isRecorded: true })
    })
    if (before?.digest !== meaning.digest) await this.#news?.tell('moved', repository, tag)
  }

  /** The upstream said at `checkedAt` that it has no such tag any more. */
  async forget(repository: RepositoryName, tag: Tag, checkedAt: number): Promise<void> {
    await asCache(async () => {
      await this.#record(repository, tag, { digest: undefined, seenAt: checkedAt })
      await this.#content.tags.delete(repository, tag)
    })
    this.#memory.delete(keyOf(repository, tag))
    await this.#news?.tell('moved', repository, tag)
  }

  /** The upstream failed: what is known stays, and is not asked for again before `retryAt`. */
  defer(repository: RepositoryName, tag: Tag, state: TagState, retryAt: number): void {
    this.#memory.set(keyOf(repository, tag), { ...state, retryAt })
  }

  /** The upstream said no, when nobody waited for it. */
  refuse(repository: RepositoryName, tag: Tag): void {
    this.#hear('refused', repository, tag)
    // Nobody waits. Without the primary this process is about to end.
    this.#news?.tell('refused', repository, tag).catch(() => undefined)
  }

  #hear(kind: TagNewsKind, repository: RepositoryName, tag: Tag): void {
    const [key, state] = [keyOf(repository, tag), this.peek(repository, tag)]
    // The store has what it means now.
    if (kind === 'moved') this.#memory.delete(key)
    else if (state) this.#memory.set(key, { ...state, isRefused: true })
  }

  /** All that the upstream meant up to `checkedAt`, when it meant `digest`; undefined when the store can not tell. */
  observe(
    repository: RepositoryName,
    tag: Tag,
    digest: Digest,
    checkedAt: number,
  ): Promise<TagRun[] | undefined> {
    return asCache(() => this.#record(repository, tag, { digest, seenAt: checkedAt }))
  }

  /** Everything that the tag is known to have meant, the oldest first. */
  async history(repository: RepositoryName, tag: Tag): Promise<TagRun[]> {
    const [runs, state] = await Promise.all([this.#history.runs(repository, tag), this.load(repository, tag)])
    const last = runs.at(-1)
    // What was fetched before histories were kept, and not asked for since.
    if (!last && state && state.checkedAt > 0)
      return [{ digest: state.digest, firstSeenAt: state.checkedAt, lastSeenAt: state.checkedAt }]
    if (!last || !state || upstreamDigest(state) !== last.digest) return runs
    return [...runs.slice(0, -1), { ...last, lastSeenAt: Math.max(last.lastSeenAt, state.checkedAt) }]
  }

  #record(
    repository: RepositoryName,
    tag: Tag,
    sighting: Sighting,
    before = this.peek(repository, tag),
  ): Promise<TagRun[]> {
    const beforeAt = before === undefined || before.checkedAt === 0 ? undefined : before.checkedAt
    return this.#history.record(repository, tag, { ...sighting, beforeAt })
  }

  async #read(repository: RepositoryName, tag: Tag): Promise<TagState | undefined> {
    const digest = await this.#content.tags.resolve(repository, tag)
    if (digest === undefined) return undefined
    const checked = await this.#readFile(repository, tag)
    // registry:2 may have moved the tag on the same folder: then nobody knows how old that is.
    return checked?.digest === digest ? { ...checked, isKept: true } : { digest, checkedAt: 0, isKept: true }
  }

  async #readFile(repository: RepositoryName, tag: Tag): Promise<TagMeaning | undefined> {
    try {
      const bytes = await this.#content.driver.readAll(pathOf(repository, tag), { maxBytes: MAX_STATE_BYTES })
      return decodeState(bytes.toString())
    } catch (error) {
      if (error instanceof PathNotFoundError || error instanceof RangeError) return undefined
      throw error
    }
  }
}

/** What the upstream itself meant when it was last asked. */
export function upstreamDigest({ digest, held }: Pick<TagMeaning, 'digest' | 'held'>): Digest {
  return held?.digest ?? digest
}

function encodeState({ digest, checkedAt, held, rules }: TagMeaning): Uint8Array {
  return Buffer.from(JSON.stringify({ digest, checkedAt, held, rules }))
}

const digestText = z.custom<Digest>((text) => typeof text === 'string' && parseDigest(text) !== undefined)
const time = z.int().min(0)
const stateFile = z.object({
  digest: digestText,
  checkedAt: time,
  held: z.object({ digest: digestText, until: time }).optional(),
  rules: z.string().optional(),
})

/** Undefined for what was not written by {@link encodeState}. */
function decodeState(text: string): TagMeaning | undefined {
  try {
    return stateFile.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}

function pathOf(repository: RepositoryName, tag: Tag): string {
  return `${tagFolder(repository, tag)}/dockgate.json`
}

function keyOf(repository: RepositoryName, tag: Tag): string {
  return `${repository}:${tag}`
}

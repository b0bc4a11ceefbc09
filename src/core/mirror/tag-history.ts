// What a mirrored tag meant over time, as far as its upstream was asked: one small file for each change, beside the tags.
import { algorithmOf, hexOf, parseDigest, type Digest } from '../../oci/digest.ts'
import type { Tag } from '../../oci/reference.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import type { StorageDriver } from '../../storage/driver.ts'
import { tagHistoriesFolder, tagHistoryFolder } from '../content/layout.ts'

/** A time during which the upstream gave the tag one meaning; in ms since the epoch. */
export interface TagRun {
  /** Undefined: the upstream had no such tag. */
  readonly digest: Digest | undefined
  readonly firstSeenAt: number
  /** When the upstream was last seen to mean it; it may have meant it until just before the next run. */
  readonly lastSeenAt: number
}

/** What the upstream answered about a tag. */
export interface Sighting {
  readonly digest: Digest | undefined
  readonly seenAt: number
  /** When the upstream last meant what it meant before, if that is known. */
  readonly beforeAt?: number | undefined
}

/** A tag that moves every day is remembered for two years. */
const MAX_CHANGES = 730

const TIME_DIGITS = 16
const GONE = 'gone'

/**
 * A change is a file whose name says everything. So several processes write without reading each other's first, a listing is
 * all that is read, and the files need neither rename nor append. They outlive the tag: what was taken back is history, too.
 */
export class TagHistory {
  readonly #driver: StorageDriver
  readonly #maxChanges: number

  constructor(driver: StorageDriver, maxChanges = MAX_CHANGES) {
    this.#driver = driver
    this.#maxChanges = maxChanges
  }

  /** The oldest first, without gaps; runs that follow each other differ. */
  async runs(repository: RepositoryName, tag: Tag): Promise<TagRun[]> {
    return runsOf(await this.#changes(tagHistoryFolder(repository, tag)))
  }

  /** Takes in what the upstream said; answers all runs, this one among them. */
  async record(repository: RepositoryName, tag: Tag, sighting: Sighting): Promise<TagRun[]> {
    const folder = tagHistoryFolder(repository, tag)
    const changes = await this.#changes(folder)
    const before = changes.findLast(({ seenAt }) => seenAt <= sighting.seenAt)
    // That a tag was never there is no history.
    const isKnown = before === undefined ? sighting.digest === undefined : before.digest === sighting.digest
    if (!isKnown) {
      const change = { ...sighting, beforeAt: sighting.beforeAt ?? before?.seenAt ?? sighting.seenAt }
      await this.#driver.writeNew(`${folder}/${nameOf(change)}`, Buffer.alloc(0))
      changes.push(change)
      await this.#forget(folder, changes.length - this.#maxChanges)
    }
    return runsOf(changes)
  }

  /** The tags that have a history, in byte order. */
  async *tags(repository: RepositoryName): AsyncGenerator<string> {
    for await (const { name, isFolder } of this.#driver.list(tagHistoriesFolder(repository)))
      if (isFolder) yield name
  }

  async #changes(folder: string): Promise<Change[]> {
    const changes: Change[] = []
    for await (const { name } of this.#driver.list(folder)) changes.push(...parseName(name))
    return changes
  }

  /** The oldest `count` changes. */
  async #forget(folder: string, count: number): Promise<void> {
    if (count <= 0) return
    const names: string[] = []
    for await (const { name } of this.#driver.list(folder)) names.push(name)
    for (const name of names.slice(0, count)) await this.#driver.delete(`${folder}/${name}`)
  }
}

/** The run that `at` lies in: what the tag meant then. Undefined before the first. */
export function runAt(runs: readonly TagRun[], at: number): TagRun | undefined {
  return runs.findLast(({ firstSeenAt }) => firstSeenAt <= at)
}

type Change = Required<Sighting> & { readonly beforeAt: number }

/** Names sort by time. */
function nameOf({ digest, seenAt, beforeAt }: Change): string {
  const meaning = digest === undefined ? GONE : `${algorithmOf(digest)}.${hexOf(digest)}`
  return [digits(seenAt), digits(beforeAt), meaning].join('.')
}

/** None for a file that is not one of ours. */
function parseName(name: string): Change[] {
  const [seenAt = '', beforeAt = '', kind = '', hex] = name.split('.')
  if (![seenAt, beforeAt].every((time) => /^\d{16}$/.test(time))) return []
  const times = { seenAt: Number(seenAt), beforeAt: Number(beforeAt) }
  if (kind === GONE) return [{ digest: undefined, ...times }]
  const digest = parseDigest(`${kind}:${hex}`)
  return digest === undefined ? [] : [{ digest, ...times }]
}

function digits(time: number): string {
  return String(Math.max(0, Math.floor(time))).padStart(TIME_DIGITS, '0')
}

function runsOf(changes: readonly Change[]): TagRun[] {
  const runs: TagRun[] = []
  for (const { digest, seenAt, beforeAt } of changes.toSorted((a, b) => a.seenAt - b.seenAt)) {
    const last = runs.at(-1)
    // Two processes saw the same change.
    if (last && last.digest === digest) continue
    if (last) {
      const lastSeenAt = Math.min(Math.max(last.firstSeenAt, beforeAt), seenAt)
      runs[runs.length - 1] = { ...last, lastSeenAt }
    }
    runs.push({ digest, firstSeenAt: seenAt, lastSeenAt: seenAt })
  }
  return runs
}

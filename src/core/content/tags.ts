// Tags: a link to the manifest of now, and links to every manifest of before.
import type { Locks } from '../../cache/locks.ts'
import type { Digest } from '../../oci/digest.ts'
import { parseTag, type Tag } from '../../oci/reference.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import { PathNotFoundError, type StorageDriver } from '../../storage/driver.ts'
import type { Page, PageRequest } from '../registry.ts'
import { placeBehind, type FolderNames } from './folder-names.ts'
import { tagCurrentFolder, tagFolder, tagIndexFolder, tagsFolder } from './layout.ts'
import { linkFile, linkFolderOf, readLink } from './links.ts'

/** Links that are read at once where many tags are looked through. */
const BATCH = 32
/** Links of a page that are looked for at once. */
const MAX_ASKED_AT_ONCE = 256

/** How exactly it is known when a tag was pushed. */
const REPEATED_PUSH_MS = 3600_000

/** A tag as it stands. */
export interface TagState {
  readonly tag: Tag
  readonly digest: Digest
  /** When it was pushed, to within an hour where the same content was pushed again. */
  readonly pushedAt: Date
}

export class TagStore {
  readonly #driver: StorageDriver
  readonly #folders: FolderNames
  readonly #locks: Locks

  constructor(driver: StorageDriver, folders: FolderNames, locks: Locks) {
    this.#driver = driver
    this.#locks = locks
    this.#folders = folders
  }

  /** What the tag points to. */
  resolve(repository: RepositoryName, tag: Tag): Promise<Digest | undefined> {
    return readLink(this.#driver, tagCurrentFolder(repository, tag))
  }

  /** Points the tag to a manifest that the repository holds. */
  set(repository: RepositoryName, tag: Tag, digest: Digest): Promise<void> {
    return this.#locks.alone(`tag ${repository} ${tag}`, async () => {
      const history = linkFile(linkFolderOf(tagIndexFolder(repository, tag), digest), digest)
      const current = linkFile(tagCurrentFolder(repository, tag), digest)
      const [historySize, currentSize] = await this.#driver.sizes([history.path, current.path])
      const now = currentSize === undefined ? undefined : await this.state(repository, tag)
      // A repeated push costs no write, except that it must not look old for ever.
      const isCurrent = now?.digest === digest && Date.now() - now.pushedAt.getTime() <= REPEATED_PUSH_MS
      const isKept = historySize === digest.length
      await this.#driver.writeEach([...(isKept ? [] : [history]), ...(isCurrent ? [] : [current])])
    })
  }

  /** Removes the tag and its history. */
  delete(repository: RepositoryName, tag: Tag): Promise<void> {
    return this.#locks.alone(`tag ${repository} ${tag}`, () => this.#remove(repository, tag))
  }

  /** Removes the tag as it was seen; false when it points elsewhere, or there again, by now. */
  deleteUnchanged(repository: RepositoryName, { tag, digest, pushedAt }: TagState): Promise<boolean> {
    return this.#locks.alone(`tag ${repository} ${tag}`, async () => {
      const now = await this.state(repository, tag)
      if (now?.digest !== digest || now.pushedAt.getTime() !== pushedAt.getTime()) return false
      await this.#remove(repository, tag)
      return true
    })
  }

  /** Undefined when there is no such tag. */
  async state(repository: RepositoryName, tag: Tag): Promise<TagState | undefined> {
    const digest = await this.resolve(repository, tag)
    if (digest === undefined) return undefined
    try {
      const { modifiedAt } = await this.#driver.stat(`${tagCurrentFolder(repository, tag)}/link`)
      return { tag, digest, pushedAt: modifiedAt }
    } catch (error) {
      if (error instanceof PathNotFoundError) return undefined
      throw error
    }
  }

  /** One page in byte order. */
  async list(repository: RepositoryName, { limit, last = '' }: PageRequest): Promise<Page<Tag>> {
    const names = await this.#folders.list(tagsFolder(repository))
    const items: Tag[] = []
    for (let start = placeBehind(names, last); start < names.length && items.length <= limit;) {
      // One more than fits says that there is another page.
      const end = start + Math.min(limit + 1 - items.length, MAX_ASKED_AT_ONCE)
      items.push(...(await this.#existing(repository, names.slice(start, end))))
      start = end
    }
    return { items: items.slice(0, limit), more: limit > 0 && items.length > limit }
  }

  /** Every tag as it stands, in byte order. */
  async *states(repository: RepositoryName): AsyncGenerator<TagState> {
    yield* this.#each(repository, (tag) => this.state(repository, tag))
  }

  /** Every tag that points to `digest` now. */
  async *pointingTo(repository: RepositoryName, digest: Digest): AsyncGenerator<Tag> {
    yield* this.#each(repository, async (tag) =>
      (await this.resolve(repository, tag)) === digest ? tag : undefined,
    )
  }

  async *#each<Found>(
    repository: RepositoryName,
    find: (tag: Tag) => Promise<Found | undefined>,
  ): AsyncGenerator<Found> {
    const names = await this.#folders.list(tagsFolder(repository))
    for (let start = 0; start < names.length; start += BATCH) {
      const tags = names.slice(start, start + BATCH).flatMap((name) => parseTag(name) ?? [])
      for (const found of await Promise.all(tags.map(find))) if (found !== undefined) yield found
    }
  }

  /** A kill in the middle of a push or a delete leaves a folder that points to nothing: not a tag. */
  async #existing(repository: RepositoryName, names: readonly string[]): Promise<Tag[]> {
    const tags = names.flatMap((name) => parseTag(name) ?? [])
    const sizes = await this.#driver.sizes(tags.map((tag) => `${tagCurrentFolder(repository, tag)}/link`))
    return tags.filter((_, place) => sizes[place] !== undefined)
  }

  async #remove(repository: RepositoryName, tag: Tag): Promise<void> {
    // The history goes first: a crash in between then leaves a tag that still works.
    await this.#driver.delete(tagIndexFolder(repository, tag))
    await this.#driver.delete(tagFolder(repository, tag))
  }
}

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
    const items: Tag[] = []
    // A kill in the middle of a push or a delete leaves a folder that points to nothing: not a tag.
    const tags = this.#each(
      repository,
      async (tag) => ((await this.#exists(repository, tag)) ? tag : undefined),
      last,
    )
    for await (const tag of tags) {
      if (items.length >= limit) return { items, more: limit > 0 }
      items.push(tag)
    }
    return { items, more: false }
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
    last = '',
  ): AsyncGenerator<Found> {
    const names = await this.#folders.list(tagsFolder(repository))
    for (let start = placeBehind(names, last); start < names.length; start += BATCH) {
      const tags = names.slice(start, start + BATCH).flatMap((name) => parseTag(name) ?? [])
      for (const found of await Promise.all(tags.map(find))) if (found !== undefined) yield found
    }
  }

  async #exists(repository: RepositoryName, tag: Tag): Promise<boolean> {
    try {
      await this.#driver.stat(`${tagCurrentFolder(repository, tag)}/link`)
      return true
    } catch (error) {
      if (error instanceof PathNotFoundError) return false
      throw error
    }
  }

  async #remove(repository: RepositoryName, tag: Tag): Promise<void> {
    // The history goes first: a crash in between then leaves a tag that still works.
    await this.#driver.delete(tagIndexFolder(repository, tag))
    await this.#driver.delete(tagFolder(repository, tag))
  }
}

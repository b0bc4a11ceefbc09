// Tags: a link to the manifest of now, and links to every manifest of before.
import type { Digest } from '../../oci/digest.ts'
import { parseTag, type Tag } from '../../oci/reference.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import type { StorageDriver } from '../../storage/driver.ts'
import type { Page, PageRequest } from '../registry.ts'
import { tagCurrentFolder, tagFolder, tagIndexFolder, tagsFolder } from './layout.ts'
import { linkFolderOf, readLink, writeLink } from './links.ts'

export class TagStore {
  readonly #driver: StorageDriver

  constructor(driver: StorageDriver) {
    this.#driver = driver
  }

  /** What the tag points to. */
  resolve(repository: RepositoryName, tag: Tag): Promise<Digest | undefined> {
    return readLink(this.#driver, tagCurrentFolder(repository, tag))
  }

  /** Points the tag to a manifest that the repository holds. */
  async set(repository: RepositoryName, tag: Tag, digest: Digest): Promise<void> {
    await writeLink(this.#driver, linkFolderOf(tagIndexFolder(repository, tag), digest), digest)
    await writeLink(this.#driver, tagCurrentFolder(repository, tag), digest)
  }

  /** Removes the tag and its history. */
  async delete(repository: RepositoryName, tag: Tag): Promise<void> {
    // The history goes first: a crash in between then leaves a tag that still works.
    await this.#driver.delete(tagIndexFolder(repository, tag))
    await this.#driver.delete(tagFolder(repository, tag))
  }

  /** One page in byte order. */
  async list(repository: RepositoryName, { limit, last = '' }: PageRequest): Promise<Page<Tag>> {
    const items: Tag[] = []
    for await (const tag of this.#all(repository)) {
      if (tag <= last) continue
      if (items.length >= limit) return { items, more: limit > 0 }
      items.push(tag)
    }
    return { items, more: false }
  }

  /** Every tag that points to `digest` now. */
  async *pointingTo(repository: RepositoryName, digest: Digest): AsyncGenerator<Tag> {
    for await (const tag of this.#all(repository))
      if ((await this.resolve(repository, tag)) === digest) yield tag
  }

  async *#all(repository: RepositoryName): AsyncGenerator<Tag> {
    for await (const { name, isFolder } of this.#driver.list(tagsFolder(repository))) {
      const tag = isFolder ? parseTag(name) : undefined
      if (tag !== undefined) yield tag
    }
  }
}

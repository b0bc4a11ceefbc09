// The catalog: a walk over the folders in registry:2's order, which compares names component by component.
import { parseRepositoryName, type RepositoryName } from '../../oci/repository-name.ts'
import type { StorageDriver } from '../../storage/driver.ts'
import type { Page, PageRequest } from '../registry.ts'
import { placeBehind, type FolderNames } from './folder-names.ts'
import { MANIFESTS_COMPONENT, manifestsFolder, REPOSITORIES_FOLDER } from './layout.ts'

/** Folders that are read in one go, and no more than a page has room for: fewer are needed where they hold others. */
const MOST_AHEAD = 64

export class RepositoryList {
  readonly #driver: StorageDriver
  readonly #folders: FolderNames

  constructor(driver: StorageDriver, folders: FolderNames) {
    this.#driver = driver
    this.#folders = folders
  }

  /** Whether a manifest was ever put there; a repository that holds only blobs is none yet, as in registry:2. */
  async has(repository: RepositoryName): Promise<boolean> {
    for await (const entry of this.#driver.list(manifestsFolder(repository))) return entry.name !== ''
    return false
  }

  /** Every repository, in the order of the pages. */
  all(): AsyncGenerator<RepositoryName> {
    return this.#walk('', undefined, { ahead: () => 1 })
  }

  /** One page; folders that lie wholly before `last` are not entered. */
  async list({ limit, last }: PageRequest): Promise<Page<RepositoryName>> {
    const items: RepositoryName[] = []
    // One more than fits says that there is another page.
    const ahead = () => Math.min(limit + 1 - items.length, MOST_AHEAD)
    for await (const name of this.#walk('', last?.split('/'), { ahead })) {
      if (items.length >= limit) return { items, more: limit > 0 }
      items.push(name)
    }
    return { items, more: false }
  }

  /**
   * The repositories at and below `name`, parents first. `after` holds the components, from here on, of the name that
   * the page begins behind: undefined when everything here lies behind it, empty when it is `name` itself. `known` is what
   * lies directly below, where that was read just now: it is little.
   */
  async *#walk(
    name: string,
    after: readonly string[] | undefined,
    { ahead, known }: { readonly ahead: () => number; readonly known?: readonly string[] | undefined },
  ): AsyncGenerator<RepositoryName> {
    const names = known ?? (await this.#folders.list(join(REPOSITORIES_FOLDER, name)))
    const repository = after === undefined ? parseRepositoryName(name) : undefined
    if (repository !== undefined && holds(names, MANIFESTS_COMPONENT)) yield repository
    const [first, ...rest] = after ?? []
    if (first !== undefined && !first.startsWith('_') && holds(names, first))
      yield* this.#walk(join(name, first), rest, { ahead })
    for (let start = placeBehind(names, first ?? ''); start < names.length;) {
      const some = names.slice(start, start + ahead())
      start += some.length
      const children = some.filter((child) => !child.startsWith('_')).map((child) => join(name, child))
      const listings = await this.#folders.listEach(children.map((child) => join(REPOSITORIES_FOLDER, child)))
      for (const [place, child] of children.entries())
        yield* this.#walk(child, undefined, { ahead, known: listings[place] })
    }
  }
}

function holds(names: readonly string[], name: string): boolean {
  return names[placeBehind(names, name) - 1] === name
}

function join(folder: string, name: string): string {
  return folder === '' || name === '' ? folder + name : `${folder}/${name}`
}

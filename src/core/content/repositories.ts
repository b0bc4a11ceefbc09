// The catalog: a walk over the folders in registry:2's order, which compares names component by component.
import { parseRepositoryName, type RepositoryName } from '../../oci/repository-name.ts'
import type { StorageDriver } from '../../storage/driver.ts'
import type { Page, PageRequest } from '../registry.ts'
import { placeBehind, type FolderNames } from './folder-names.ts'
import { MANIFESTS_COMPONENT, manifestsFolder, REPOSITORIES_FOLDER } from './layout.ts'

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
    return this.#walk('', undefined)
  }

  /** One page; folders that lie wholly before `last` are not entered. */
  async list({ limit, last }: PageRequest): Promise<Page<RepositoryName>> {
    const items: RepositoryName[] = []
    for await (const name of this.#walk('', last?.split('/'))) {
      if (items.length >= limit) return { items, more: limit > 0 }
      items.push(name)
    }
    return { items, more: false }
  }

  /**
   * The repositories at and below `name`, parents first. `after` holds the components, from here on, of the name that
   * the page begins behind: undefined when everything here lies behind it, empty when it is `name` itself.
   */
  async *#walk(name: string, after: readonly string[] | undefined): AsyncGenerator<RepositoryName> {
    const names = await this.#folders.list(join(REPOSITORIES_FOLDER, name))
    const repository = after === undefined ? parseRepositoryName(name) : undefined
    if (repository !== undefined && holds(names, MANIFESTS_COMPONENT)) yield repository
    const [first, ...rest] = after ?? []
    if (first !== undefined && !first.startsWith('_') && holds(names, first))
      yield* this.#walk(join(name, first), rest)
    for (let place = placeBehind(names, first ?? ''); place < names.length; place += 1) {
      const child = names[place] ?? ''
      if (!child.startsWith('_')) yield* this.#walk(join(name, child), undefined)
    }
  }
}

function holds(names: readonly string[], name: string): boolean {
  return names[placeBehind(names, name) - 1] === name
}

function join(folder: string, name: string): string {
  return folder === '' || name === '' ? folder + name : `${folder}/${name}`
}

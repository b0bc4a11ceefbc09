// The catalog: a walk over the folders in registry:2's order, which compares names component by component.
import { parseRepositoryName, type RepositoryName } from '../../oci/repository-name.ts'
import type { StorageDriver } from '../../storage/driver.ts'
import type { Page, PageRequest } from '../registry.ts'
import { MANIFESTS_COMPONENT, manifestsFolder, REPOSITORIES_FOLDER } from './layout.ts'

export class RepositoryList {
  readonly #driver: StorageDriver

  constructor(driver: StorageDriver) {
    this.#driver = driver
  }

  /** Whether a manifest was ever put there; a repository that holds only blobs is none yet, as in registry:2. */
  async has(repository: RepositoryName): Promise<boolean> {
    for await (const entry of this.#driver.list(manifestsFolder(repository))) return entry.name !== ''
    return false
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
    const children: string[] = []
    let isRepository = false
    for await (const entry of this.#driver.list(join(REPOSITORIES_FOLDER, name))) {
      if (entry.name === MANIFESTS_COMPONENT) isRepository = true
      else if (entry.isFolder && !entry.name.startsWith('_')) children.push(entry.name)
    }
    const repository = parseRepositoryName(name)
    if (isRepository && repository !== undefined && after === undefined) yield repository
    const first = after?.[0]
    for (const child of children) {
      if (first !== undefined && child < first) continue
      yield* this.#walk(join(name, child), child === first ? after?.slice(1) : undefined)
    }
  }
}

function join(folder: string, name: string): string {
  return folder === '' || name === '' ? folder + name : `${folder}/${name}`
}

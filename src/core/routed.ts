// Which registry serves a repository, and the catalog over all of them.
import { Glob } from '../access/patterns.ts'
import { compareRepositoryNames, type RepositoryName } from '../oci/repository-name.ts'
import type { Forwarder } from './forwarder.ts'
import type { Page, PageRequest, Registry, RequestContext } from './registry.ts'

export interface RouteOptions {
  /** Over canonical repository names: `docker.io/**`, `**`. */
  readonly pattern: string
  readonly registry: Registry
  /** Where blob reads and uploads stream through untouched. */
  readonly forwarder?: Forwarder
}

export interface ResolvedRoute {
  readonly registry: Registry
  readonly forwarder?: Forwarder
}

/** How many names are read from a registry at once while the catalog is put together. */
const CATALOG_CHUNK = 200
/** A caller who may see almost nothing must not make one request read for ever: the listing then ends early. */
const MAX_CATALOG_READ = 100_000

/** The route whose pattern has the longest literal prefix serves a repository. */
export class RoutedRegistry {
  readonly #routes: readonly (ResolvedRoute & { readonly glob: Glob })[]
  readonly #registries: readonly Registry[]

  constructor(routes: readonly RouteOptions[]) {
    const ordered = routes.toSorted((a, b) => literalPrefix(b.pattern) - literalPrefix(a.pattern))
    this.#routes = ordered.map(({ pattern, ...target }) => ({ ...target, glob: new Glob(pattern) }))
    this.#registries = [...new Set(routes.map(({ registry }) => registry))]
  }

  /** Undefined where no route speaks of the repository. */
  resolve(repository: RepositoryName): ResolvedRoute | undefined {
    return this.#routes.find(({ glob }) => glob.matches(repository))
  }

  /**
   * The repositories that `isVisible` lets the caller see, in registry:2's order. An external core that cannot answer is
   * left out: it must not hide the others. A store of our own that fails is a failure.
   */
  async listRepositories(
    { limit, last }: PageRequest,
    context: RequestContext,
    isVisible: (repository: RepositoryName) => boolean,
  ): Promise<Page<RepositoryName>> {
    const listings = this.#registries.map((registry) => this.#namesOf(registry, last, context))
    const items: RepositoryName[] = []
    let read = 0
    for await (const name of merged(listings)) {
      read += 1
      if (isVisible(name)) {
        if (items.length === limit) return { items, more: limit > 0 }
        items.push(name)
      }
      if (read >= MAX_CATALOG_READ) return { items, more: items.length > 0 }
    }
    return { items, more: false }
  }

  async close(): Promise<void> {
    await Promise.all(this.#registries.map((registry) => registry.close()))
  }

  /** A registry's names behind `last`, but only those that are routed to it: another route may cover the rest. */
  async *#namesOf(
    registry: Registry,
    last: string | undefined,
    context: RequestContext,
  ): AsyncGenerator<RepositoryName> {
    let behind = last
    for (;;) {
      const request = { limit: CATALOG_CHUNK, ...(behind === undefined ? {} : { last: behind }) }
      const page = await this.#listed(registry, request, context)
      for (const name of page.items) if (this.resolve(name)?.registry === registry) yield name
      behind = page.items.at(-1)
      if (!page.more || behind === undefined) return
    }
  }

  async #listed(
    registry: Registry,
    page: PageRequest,
    context: RequestContext,
  ): Promise<Page<RepositoryName>> {
    try {
      return await registry.listRepositories(page, context)
    } catch (error) {
      if (!this.#isExternal(registry)) throw error
      return { items: [], more: false }
    }
  }

  #isExternal(registry: Registry): boolean {
    return this.#routes.some((route) => route.registry === registry && route.forwarder !== undefined)
  }
}

function literalPrefix(pattern: string): number {
  const wildcard = pattern.search(/[*?]/)
  return wildcard < 0 ? pattern.length : wildcard
}

/** Merges listings that are each in order. */
async function* merged(listings: readonly AsyncGenerator<RepositoryName>[]): AsyncGenerator<RepositoryName> {
  const heads = await Promise.all(listings.map(async (listing) => ({ listing, head: await listing.next() })))
  for (;;) {
    let first: (typeof heads)[number] | undefined
    for (const each of heads) {
      if (each.head.done === true) continue
      if (!first || first.head.done === true || compareRepositoryNames(each.head.value, first.head.value) < 0)
        first = each
    }
    if (!first || first.head.done === true) return
    yield first.head.value
    first.head = await first.listing.next()
  }
}

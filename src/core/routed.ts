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
/** A caller who may see almost nothing must not make one request walk a whole store: the page is then cut short. */
const MAX_CATALOG_READ = 20_000

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
   * The repositories that `isVisible` lets the caller see, in registry:2's order. A registry that cannot answer is left
   * out: one broken core must not hide the others.
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
      if (read >= MAX_CATALOG_READ && items.length > 0) return { items, more: true }
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
      const page = await registry.listRepositories(request, context).catch(() => undefined)
      for (const name of page?.items ?? []) if (this.resolve(name)?.registry === registry) yield name
      behind = page?.items.at(-1)
      if (!page?.more || behind === undefined) return
    }
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

// Which stores keep what is pushed: those of routes, and those that lie over mirrors.
import type { Config } from './config.ts'
import type { RouteConfig } from './route-config.ts'

/** The store that pushes to the route go to; undefined where none is here. */
export function pushedStoreOf(route: RouteConfig): string | undefined {
  if (route.kind === 'store') return route.store
  return route.kind === 'mirror' ? route.overlay : undefined
}

/** The names of all of them. */
export function pushedStores({ repositories }: Pick<Config, 'repositories'>): ReadonlySet<string> {
  return new Set(repositories.map(pushedStoreOf).filter((name) => name !== undefined))
}

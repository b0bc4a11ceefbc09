// What the shape alone cannot say about stores: that none gets in the way of another.
import { relative, resolve } from 'node:path'
import type { PathProblem } from './problem.ts'
import type { ConfigFile } from './schema.ts'

/** That no store serves both mirrors and pushes, and that none lies in another's folder. */
export function checkStores(
  { repositories, stores }: Pick<ConfigFile, 'repositories' | 'stores'>,
  cwd: string,
): PathProblem[] {
  const routes = Object.entries(repositories)
  const mixed = routes.flatMap(([pattern, route]) => {
    const rival = routes.find(([, other]) => other.store === route.store && other.mirror !== undefined)
    if (route.store === undefined || route.mirror !== undefined || rival === undefined) return []
    const keeps = `store ${JSON.stringify(route.store)} keeps the mirror ${JSON.stringify(rival[0])}`
    const message = `${keeps}: a store serves mirrors or pushes, never both`
    return [{ path: ['repositories', pattern, 'store'], message }]
  })
  return [...mixed, ...checkRoots(stores, cwd)]
}

function checkRoots(stores: ConfigFile['stores'], cwd: string): PathProblem[] {
  const roots = Object.entries(stores).map(([store, { filesystem }]) => ({
    store,
    root: resolve(cwd, filesystem.root),
  }))
  return roots.flatMap(({ store, root }, index) => {
    const rival = roots
      .slice(0, index)
      .find((other) => contains(other.root, root) || contains(root, other.root))
    if (rival === undefined) return []
    const message = `shares its folder with store ${JSON.stringify(rival.store)}: each needs a folder of its own`
    return [{ path: ['stores', store, 'filesystem', 'root'], message }]
  })
}

function contains(folder: string, other: string): boolean {
  const way = relative(folder, other)
  return way === '' || (!way.startsWith('..') && !way.startsWith('/'))
}

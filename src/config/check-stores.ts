// What the shape alone cannot say about stores: that none gets in the way of another.
import { relative, resolve } from 'node:path'
import { refuseRepositoryPattern } from './patterns.ts'
import type { ConfigPath, PathProblem } from './problem.ts'
import type { ConfigFile } from './schema.ts'

/** That no store serves both mirrors and pushes, and that none lies in another's folder. */
export function checkStores(
  { repositories, stores }: Pick<ConfigFile, 'repositories' | 'stores'>,
  cwd: string,
): PathProblem[] {
  const routes = Object.entries(repositories)
  const mixed = routes.flatMap(([pattern, route]) => {
    const key = route.mirror === undefined ? 'store' : 'overlay'
    const pushed = route[key]
    const rival = routes.find(([, other]) => other.store === pushed && other.mirror !== undefined)
    if (pushed === undefined || rival === undefined) return []
    const keeps = `store ${JSON.stringify(pushed)} keeps the mirror ${JSON.stringify(rival[0])}`
    const message = `${keeps}: a store serves mirrors or pushes, never both`
    return [{ path: ['repositories', pattern, key], message }]
  })
  return [
    ...mixed,
    ...checkRoots(stores, cwd),
    ...checkMirrors(routes, stores),
    ...checkLimits(routes, stores),
    ...Object.entries(stores).flatMap(checkTagRules),
    ...Object.entries(stores).flatMap(checkGc),
  ]
}

/** What is mirrored is decided upstream. */
function checkMirrors(
  routes: readonly [string, ConfigFile['repositories'][string]][],
  stores: ConfigFile['stores'],
): PathProblem[] {
  const mirrors = new Set(routes.flatMap(([, { mirror, store }]) => (mirror === undefined ? [] : [store])))
  return Object.entries(stores)
    .filter(([name]) => mirrors.has(name))
    .flatMap(([name, { gc, readOnly, verifyReads, tags }]) => {
      const written = { gc: gc.schedule !== undefined, readOnly, verifyReads, tags: tags.length > 0 }
      return Object.entries(written).flatMap(([key, isWritten]) =>
        isWritten ? [{ path: ['stores', name, key], message: 'is for stores that keep what is pushed' }] : [],
      )
    })
}

/** What was pushed has no other copy. */
function checkLimits(
  routes: readonly [string, ConfigFile['repositories'][string]][],
  stores: ConfigFile['stores'],
): PathProblem[] {
  const pushes = new Set(
    routes.flatMap(([, { mirror, store, overlay }]) => (mirror === undefined ? store : overlay) ?? []),
  )
  return Object.entries(stores).flatMap(([name, { maxSize, unusedAfter, pins }]) => {
    const written = {
      maxSize: maxSize !== undefined,
      unusedAfter: unusedAfter !== undefined,
      pins: pins.length > 0,
    }
    const refused = Object.entries(written).flatMap(([key, isWritten]) =>
      isWritten && pushes.has(name)
        ? [
            {
              path: ['stores', name, key],
              message: 'is for stores of mirrors: what was pushed is never evicted',
            },
          ]
        : [],
    )
    return [...refused, ...pins.flatMap((pin, index) => checkPin(['stores', name, 'pins', index], pin))]
  })
}

function checkPin(path: ConfigPath, pin: string): PathProblem[] {
  const [repositories = '', tags = '*', ...rest] = pin.split(':')
  const isTags = /^[A-Za-z0-9_*?.-]{1,128}$/.test(tags) && rest.length === 0
  const refused = refuseRepositoryPattern(repositories, { user: false })
  const message = isTags
    ? refused
    : 'must be like docker.io/library/alpine:3.*, with a tag in which * stands for any text'
  return message === undefined ? [] : [{ path, message }]
}

function checkGc([store, { gc, shared }]: [string, ConfigFile['stores'][string]]): PathProblem[] {
  if (!shared || gc.schedule === undefined) return []
  const message = 'a shared store is not collected: what the other registry is told is not known here'
  return [{ path: ['stores', store, 'gc', 'schedule'], message }]
}

function checkTagRules([store, { tags }]: [string, ConfigFile['stores'][string]]): PathProblem[] {
  return tags.flatMap(({ repositories }, rule) =>
    repositories.flatMap((pattern, index) => {
      const message = refuseRepositoryPattern(pattern, { user: false })
      const path = ['stores', store, 'tags', rule, 'repositories', index]
      return message === undefined ? [] : [{ path, message }]
    }),
  )
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

// What the shape alone cannot say about routes: that patterns can match and names lead somewhere.
import { findTies, literalPrefix, refuseRepositoryPattern } from './patterns.ts'
import type { ConfigPath, PathProblem } from './problem.ts'
import type { ConfigFile } from './schema.ts'
import { suggestion } from './suggest.ts'

type Route = ConfigFile['repositories'][string]

/** Patterns, the one kind each route is of, and the names that routes refer to. */
export function checkRoutes(file: Pick<ConfigFile, 'repositories' | 'stores' | 'upstreams'>): PathProblem[] {
  return [
    ...refuseTies(['repositories'], Object.keys(file.repositories)),
    ...Object.entries(file.repositories).flatMap(([pattern, route]) => checkRoute(pattern, route, file)),
  ]
}

function checkRoute(
  pattern: string,
  route: Route,
  { stores, upstreams }: Pick<ConfigFile, 'stores' | 'upstreams'>,
): PathProblem[] {
  const path: ConfigPath = ['repositories', pattern]
  const refused = refuseRepositoryPattern(pattern, { user: false })
  const upstream = route.mirror === undefined ? 'proxy' : 'mirror'
  return [
    ...(refused === undefined ? [] : [{ path, message: refused }]),
    ...checkKind(route, path),
    ...checkReference([...path, upstream], route[upstream], 'upstream', upstreams),
    ...checkReference([...path, 'store'], route.store, 'store', stores),
    ...(typeof route.tagTtl === 'object' ? checkTagTtl([...path, 'tagTtl'], Object.keys(route.tagTtl)) : []),
  ]
}

/** A route is a mirror (upstream and store), a proxy (upstream) or a store, and has no key of another kind. */
function checkKind(route: Route, path: ConfigPath): PathProblem[] {
  const has = (key: keyof Route) => route[key] !== undefined
  const refuse = (key: keyof Route, message: string) => (has(key) ? [{ path: [...path, key], message }] : [])
  if (has('mirror'))
    return [
      ...refuse('proxy', 'a repository is either mirrored or proxied'),
      ...(has('store') ? [] : [{ path, message: 'a mirror needs a store for what it fetches' }]),
    ]
  if (has('proxy'))
    return [
      ...refuse('store', 'a proxied repository is kept by its upstream; leave store out'),
      ...refuse('tagTtl', 'tagTtl is for mirrors'),
    ]
  return [
    ...(has('store') ? [] : [{ path, message: 'needs one of mirror, proxy or store' }]),
    ...refuse('tagTtl', 'tagTtl is for mirrors'),
    ...refuse('rewrite', 'rewrite is for mirrors and proxies'),
  ]
}

function checkReference(
  path: ConfigPath,
  to: string | undefined,
  kind: string,
  known: object,
): PathProblem[] {
  if (to === undefined || Object.hasOwn(known, to)) return []
  return [{ path, message: `no ${kind} ${JSON.stringify(to)}${suggestion(to, Object.keys(known))}` }]
}

function checkTagTtl(path: ConfigPath, tags: readonly string[]): PathProblem[] {
  const patterns = tags.filter((tag) => tag !== 'default')
  const malformed = patterns.filter((tag) => !/^[A-Za-z0-9_*][A-Za-z0-9._*-]{0,127}$/.test(tag))
  return [
    ...malformed.map((tag) => ({
      path: [...path, tag],
      message: 'must be a tag in which * stands for any text, or default',
    })),
    ...refuseTies(path, patterns),
  ]
}

function refuseTies(path: ConfigPath, patterns: readonly string[]): PathProblem[] {
  return findTies(patterns).map(({ pattern, rival }) => {
    const prefix = JSON.stringify(literalPrefix(pattern))
    const message = `ties with ${JSON.stringify(rival)}: both have the literal prefix ${prefix}`
    return { path: [...path, pattern], message }
  })
}

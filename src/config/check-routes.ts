// What the shape alone cannot say about routes: that patterns can match and names lead somewhere.
import { parseDigest } from '../oci/digest.ts'
import { findTies, literalPrefix, refuseRepositoryPattern, splitImagePattern } from './patterns.ts'
import type { ConfigPath, PathProblem } from './problem.ts'
import type { ConfigFile } from './schema.ts'
import { suggestion } from './suggest.ts'

type Route = ConfigFile['repositories'][string]

/** What only what is fetched from an upstream can have. */
const MIRROR_KEYS = [
  'overlay',
  'tagTtl',
  'negativeTtl',
  'staleWhileRevalidate',
  'staleIfError',
  'hold',
  'holdFirst',
  'holdExcept',
  'asOf',
] as const

/** Patterns, the one kind each route is of, and the names that routes refer to. */
export function checkRoutes(file: Pick<ConfigFile, 'repositories' | 'stores' | 'upstreams'>): PathProblem[] {
  return [
    ...refuseTies(['repositories'], Object.keys(file.repositories)),
    ...Object.entries(file.upstreams).flatMap(([name, upstream]) =>
      checkTagTtl(['upstreams', name], upstream),
    ),
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
    ...checkReference([...path, 'overlay'], route.overlay, 'store', stores),
    ...checkTagTtl(path, route),
    ...checkExemptions(pattern, route),
  ]
}

/** A route is a mirror (upstream and store), a proxy (upstream) or a store, and has no key of another kind. */
function checkKind(route: Route, path: ConfigPath): PathProblem[] {
  const has = (key: keyof Route) => route[key] !== undefined
  const refuse = (key: keyof Route, message: string) => (has(key) ? [{ path: [...path, key], message }] : [])
  const refuseMirrorKeys = () => MIRROR_KEYS.flatMap((key) => refuse(key, `${key} is for mirrors`))
  if (has('mirror'))
    return [
      ...refuse('proxy', 'a repository is either mirrored or proxied'),
      ...(has('store') ? [] : [{ path, message: 'a mirror needs a store for what it fetches' }]),
    ]
  if (has('proxy'))
    return [
      ...refuse('store', 'a proxied repository is kept by its upstream; leave store out'),
      ...refuseMirrorKeys(),
    ]
  return [
    ...(has('store') ? [] : [{ path, message: 'needs one of mirror, proxy or store' }]),
    ...refuseMirrorKeys(),
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

function checkTagTtl(path: ConfigPath, { tagTtl }: Pick<Route, 'tagTtl'>): PathProblem[] {
  if (typeof tagTtl !== 'object') return []
  const here = [...path, 'tagTtl']
  const patterns = Object.keys(tagTtl).filter((tag) => tag !== 'default')
  const malformed = patterns.filter((tag) => !/^[A-Za-z0-9_*][A-Za-z0-9._*-]{0,127}$/.test(tag))
  return [
    ...malformed.map((tag) => ({
      path: [...here, tag],
      message: 'must be a tag in which * stands for any text, or default',
    })),
    ...refuseTies(here, patterns),
  ]
}

/** A pattern that no name of the route can match lets nothing through, and nobody would notice. */
function checkExemptions(pattern: string, { holdExcept = [] }: Route): PathProblem[] {
  const prefix = literalPrefix(pattern)
  return holdExcept.flatMap((written, index) => {
    if (parseDigest(written) !== undefined) return []
    const own = literalPrefix(splitImagePattern(written).repository)
    if (own.startsWith(prefix) || prefix.startsWith(own)) return []
    const message = `no image of this route is called so: names here begin with ${JSON.stringify(prefix)}`
    return [{ path: ['repositories', pattern, 'holdExcept', index], message }]
  })
}

function refuseTies(path: ConfigPath, patterns: readonly string[]): PathProblem[] {
  return findTies(patterns).map(({ pattern, rival }) => {
    const prefix = JSON.stringify(literalPrefix(pattern))
    const message = `ties with ${JSON.stringify(rival)}: both have the literal prefix ${prefix}`
    return { path: [...path, pattern], message }
  })
}

// What the shape alone cannot say about upstreams: credentials that are whole, namespaces that are their own.
import type { ConfigPath, PathProblem } from './problem.ts'
import type { ConfigFile } from './schema.ts'

type Upstream = ConfigFile['upstreams'][string]

/** Each upstream for itself, and no two under one namespace. */
export function checkUpstreams({ upstreams }: Pick<ConfigFile, 'upstreams'>): PathProblem[] {
  const names = new Map<string, string>()
  return Object.entries(upstreams).flatMap(([name, upstream]) => {
    const path: ConfigPath = ['upstreams', name]
    const rival = upstream.namespace === undefined ? undefined : names.get(upstream.namespace)
    if (upstream.namespace !== undefined) names.set(upstream.namespace, name)
    const message = `is the namespace of upstream ${JSON.stringify(rival)} already`
    return [
      ...checkCredentials(upstream, path),
      ...(rival === undefined ? [] : [{ path: [...path, 'namespace'], message }]),
    ]
  })
}

function checkCredentials({ username, password, passwordFile }: Upstream, path: ConfigPath): PathProblem[] {
  const hasPassword = password !== undefined || passwordFile !== undefined
  if (password !== undefined && passwordFile !== undefined)
    return [{ path: [...path, 'passwordFile'], message: 'give either password or passwordFile' }]
  if (hasPassword && username === undefined) return [{ path, message: 'a password needs a username' }]
  if (!hasPassword && username !== undefined)
    return [{ path: [...path, 'username'], message: 'a username needs a password or passwordFile' }]
  return []
}

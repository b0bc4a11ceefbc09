// What the shape alone cannot say about who is shown what is mirrored.
import type { PathProblem } from './problem.ts'
import type { ConfigFile } from './schema.ts'

type Parts = Pick<ConfigFile, 'hosts' | 'repositories' | 'upstreams'>

/** Upstreams that are mirrored, and hosts that stand for one whose readers have logins of their own. */
export function checkVisibility(file: Parts): PathProblem[] {
  return [...checkUpstreams(file), ...checkHosts(file), ...checkOverlays(file)]
}

/** Who pushes has a login of ours, and is nobody upstream. */
function checkOverlays({ repositories, upstreams }: Parts): PathProblem[] {
  return Object.entries(repositories).flatMap(([pattern, { mirror = '', overlay }]) => {
    if (overlay === undefined || upstreams[mirror]?.visibility !== 'per-user') return []
    const message =
      'lies over mirrors of public or shared visibility: who pushes has no login of the upstream'
    return [{ path: ['repositories', pattern, 'overlay'], message }]
  })
}

function checkUpstreams({ repositories, upstreams }: Parts): PathProblem[] {
  const mirrored = new Set(Object.values(repositories).map(({ mirror }) => mirror))
  return Object.entries(upstreams).flatMap(([name, { visibility, ...upstream }]) => {
    const path = ['upstreams', name, 'visibility']
    if (visibility !== undefined && !mirrored.has(name))
      return [{ path, message: 'is for upstreams that a route mirrors' }]
    const { username, bearerToken, bearerTokenFile, exec, token, clientCertificate } = upstream
    const login = username ?? bearerToken ?? bearerTokenFile ?? exec ?? token ?? clientCertificate
    if (visibility !== 'per-user' || login === undefined) return []
    const message = 'asks with the logins of its readers alone: leave its own login out, or write shared'
    return [{ path, message }]
  })
}

function checkHosts({ hosts, upstreams }: Parts): PathProblem[] {
  return Object.entries(hosts).flatMap(([host, { defaultNamespace, lenient, upstreamLogins }]) => {
    const path = ['hosts', host, 'upstreamLogins']
    if (!upstreamLogins) return []
    if (lenient) return [{ path, message: 'a host is either lenient or takes the logins of its upstream' }]
    const upstream = Object.values(upstreams).find(({ namespace }) => namespace === defaultNamespace)
    if (defaultNamespace !== undefined && upstream?.visibility === 'per-user') return []
    return [{ path, message: 'needs the defaultNamespace of an upstream with visibility: per-user' }]
  })
}

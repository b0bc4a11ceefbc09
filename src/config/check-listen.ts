// What the shape alone cannot say about listeners: that they do not get in each other's way.
import type { ConfigPath, PathProblem } from './problem.ts'
import type { ConfigFile } from './schema.ts'

type Address = ConfigFile['admin']['address']

/** Listeners with addresses of their own, redirects that lead somewhere. */
export function checkListeners({
  listen,
  admin,
  publicUrl,
}: Pick<ConfigFile, 'listen' | 'admin' | 'publicUrl'>): PathProblem[] {
  const hasHttps = listen.some(({ tls }) => tls !== undefined) || publicUrl?.startsWith('https:') === true
  return listen.flatMap(({ address, tls, redirectTo }, index) => {
    const path: ConfigPath = ['listen', index]
    const others = [...listen.slice(0, index).map((each) => each.address), admin.address]
    return [
      ...(others.some((other) => isSame(address, other))
        ? [{ path: [...path, 'address'], message: 'is listened on already' }]
        : []),
      ...(redirectTo !== undefined && tls !== undefined
        ? [{ path: [...path, 'redirectTo'], message: 'is for a listener without tls' }]
        : []),
      ...(redirectTo !== undefined && !hasHttps
        ? [{ path: [...path, 'redirectTo'], message: 'leads nowhere: no listener has tls' }]
        : []),
    ]
  })
}

/** Port 0 is a new port each time. */
function isSame(a: Address, b: Address): boolean {
  return a.port !== 0 && a.port === b.port && (a.host ?? '::') === (b.host ?? '::')
}

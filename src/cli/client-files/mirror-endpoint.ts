// What a configuration says to clients: under which address they reach the gateway, and what it mirrors.
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { Config, ListenerConfig } from '../../config/config.ts'
import type { MirrorEndpoint, MirroredRegistry } from './client-files.ts'
import { DOCKER_HUB } from './docker.ts'

export interface EndpointOptions {
  /** `https://mirror.lan:5443`, in place of what the configuration says. */
  readonly url?: string
  /** The CA that signs the certificate there, in place of the local one. */
  readonly ca?: string
}

/** Throws where clients could not tell whose images are meant, or where to ask. */
export function mirrorEndpoint(config: Config, { url, ca }: EndpointOptions = {}): MirrorEndpoint {
  const listener = config.listen.find((each) => !each.redirectToHttps && each.tls) ?? config.listen[0]
  const origin = new URL(url ?? config.publicUrl ?? listenerUrl(config, listener))
  const mirrors = mirroredNamespaces(config).map((namespace): MirroredRegistry => ({
    namespace,
    server: `https://${namespace === DOCKER_HUB ? 'registry-1.docker.io' : namespace}`,
    ownOrigin: ownOriginOf(namespace, config, origin),
  }))
  if (mirrors.length === 0)
    throw new Error(
      'nothing is mirrored under the name of a registry: give an upstream of a mirror a namespace such as docker.io',
    )
  return { origin, caFile: origin.protocol === 'https:' ? (ca ?? localCa(listener)) : undefined, mirrors }
}

/** Clients know registries by their hosts: other namespaces are reached by name alone. */
function mirroredNamespaces({ upstreams, repositories }: Config): string[] {
  const mirrored = new Set(repositories.flatMap((route) => (route.kind === 'mirror' ? [route.upstream] : [])))
  return [...upstreams.values()].flatMap(({ name, namespace }) =>
    namespace !== undefined && /^[^/]+\.[^/]+$/.test(namespace) && mirrored.has(name) ? [namespace] : [],
  )
}

/** The endpoint itself, or another host on the same port. */
function ownOriginOf(namespace: string, { hosts }: Config, origin: URL): URL | undefined {
  const own = [...hosts].flatMap(([host, { defaultNamespace }]) =>
    defaultNamespace === namespace ? [host] : [],
  )
  if (own.includes(origin.hostname)) return origin
  const url = new URL(origin)
  if (own[0] !== undefined) url.hostname = own[0]
  return own[0] === undefined ? undefined : url
}

function listenerUrl({ hosts }: Config, listener: ListenerConfig | undefined): string {
  const { address, tls } = listener ?? {}
  if (address === undefined || address.port === 0)
    throw new Error('the configuration does not say where clients reach the gateway: give --url or publicUrl')
  const [first] = hosts.keys()
  const hub = [...hosts].find(([, { defaultNamespace }]) => defaultNamespace === DOCKER_HUB)?.[0]
  return `${tls ? 'https' : 'http'}://${hub ?? first ?? hostname().toLowerCase()}:${address.port}`
}

function localCa(listener: ListenerConfig | undefined): string | undefined {
  return listener?.tls?.kind === 'auto' ? join(listener.tls.folder, 'ca.crt') : undefined
}

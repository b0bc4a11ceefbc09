// Hosts that stand for one upstream each, and take the logins that people have there.
import type { IncomingMessage } from 'node:http'
import { parseBasicCredentials } from '../auth/basic-credentials.ts'
import type { Identity } from '../access/identity.ts'
import type { UpstreamLogin } from '../core/registry.ts'
import { hostNameOf } from '../oci/host-name.ts'
import type { RepositoryName } from '../oci/repository-name.ts'
import type { Guard } from './guard.ts'

export interface UpstreamHost {
  /** What the host stands for: logins are for the repositories in it alone. */
  readonly namespace: string
  /** Asks the upstream about logins, and nobody here. */
  readonly guard: Guard
}

/** By host name in lower case, without port. */
export type UpstreamHosts = ReadonlyMap<string, UpstreamHost>

export function upstreamHostOf(hosts: UpstreamHosts, { headers }: IncomingMessage): UpstreamHost | undefined {
  return hosts.size === 0 || headers.host === undefined ? undefined : hosts.get(hostNameOf(headers.host))
}

/** The login to be shown to the upstream: one that it took, and for its own repositories. */
export function upstreamLoginOf(
  host: UpstreamHost | undefined,
  { headers }: IncomingMessage,
  identity: Identity,
  repository: RepositoryName | undefined,
): UpstreamLogin | undefined {
  if (!host || identity.method !== 'basic' || !repository?.startsWith(`${host.namespace}/`)) return undefined
  const shown = parseBasicCredentials(headers.authorization ?? '')
  return shown && { username: shown.name, password: shown.password }
}

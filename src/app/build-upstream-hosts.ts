// The hosts that take the logins of the registry they stand for, each with a guard that asks that registry alone.
import type { Policy } from '../access/policy.ts'
import { Guard } from '../api/guard.ts'
import type { UpstreamHost, UpstreamHosts } from '../api/upstream-hosts.ts'
import { createAuthenticator } from '../auth/create-authenticator.ts'
import { upstreamBackend } from '../auth/upstream-backend.ts'
import type { Config } from '../config/config.ts'
import type { ClientsByLogin } from '../upstream/clients-by-login.ts'

/** `callers` are by upstream. */
export function buildUpstreamHosts(
  { hosts, upstreams, auth, hidesRepositories }: Config,
  policy: Policy,
  callers: ReadonlyMap<string, ClientsByLogin>,
): UpstreamHosts {
  const built = new Map<string, UpstreamHost>()
  for (const [host, { defaultNamespace: namespace, takesUpstreamLogins }] of hosts) {
    if (!takesUpstreamLogins || namespace === undefined) continue
    const upstream = [...upstreams.values()].find((each) => each.namespace === namespace)
    const clients = upstream && callers.get(upstream.name)
    if (!clients) throw new Error(`the host ${host} stands for ${namespace}, which no route mirrors`)
    const authenticator = createAuthenticator({
      backends: [upstreamBackend((login) => clients.check(login))],
      token: undefined,
      throttle: auth.throttle,
    })
    const guard = new Guard({
      authenticator,
      policy,
      tokenService: undefined,
      realmAt: () => namespace,
      hasAccounts: true,
      alwaysChallengesPing: true,
      hidesRepositories,
    })
    built.set(host, { namespace, guard })
  }
  return built
}

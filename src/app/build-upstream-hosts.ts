// The hosts that take the logins of the registry they stand for, each with a guard that asks that registry alone.
import { Guard } from '../api/guard.ts'
import type { UpstreamHost, UpstreamHosts } from '../api/upstream-hosts.ts'
import { createAuthenticator } from '../auth/create-authenticator.ts'
import type { LoginAttempts } from '../auth/login-attempts.ts'
import type { LoginThrottleOptions } from '../auth/login-throttle.ts'
import { upstreamBackend } from '../auth/upstream-backend.ts'
import type { Config } from '../config/config.ts'
import type { ClientsByLogin } from '../upstream/clients-by-login.ts'
import type { Auth } from './build-auth.ts'

/** `callers` are by upstream. */
export function buildUpstreamHosts(
  { hosts, upstreams, hidesRepositories }: Config,
  { policy, throttle }: Pick<Auth, 'policy' | 'throttle'>,
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
      throttle: throttle && apart(throttle, namespace),
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

/** Who logs in at the upstream under the name of an account here must not end what is counted against that one. */
function apart(throttle: LoginThrottleOptions, place: string): LoginThrottleOptions {
  const { attempts, ...rest } = throttle
  if (!attempts) return rest
  const own: LoginAttempts = {
    key: `${attempts.key} ${place}`,
    begin: (attempt) => attempts.begin(attempt),
    end: (attempt, standing, how) => attempts.end(attempt, standing, how),
  }
  return { ...rest, attempts: own }
}

// What a person who has started the gateway wants to know, in a few lines.
import { join } from 'node:path'
import type { Config } from '../config/config.ts'
import type { MirrorRoute } from '../config/route-config.ts'
import type { CreatedAccount } from './first-run.ts'
import { nearby } from './nearby.ts'

/** The password, the only time that it can be told. */
export function loginLines({ name, password }: CreatedAccount, htpasswdFile: string): string[] {
  return [
    `First run: made the account "${name}" in ${nearby(htpasswdFile)}. Its password is shown only now:`,
    `  ${password}`,
  ]
}

/** `addresses` are URLs, the admin address last. */
export function startLines(config: Config, addresses: readonly string[]): string[] {
  const listening = addresses.slice(0, -1)
  const host = registryHost(config, listening)
  return [
    `dockgate listens on ${listening.join(', ')}; health and metrics on ${addresses.at(-1) ?? 'nothing'}`,
    ...(config.auth.htpasswd.length > 0 || config.auth.ldap
      ? [`Log in:    docker login ${host}${account(config)}`]
      : []),
    ...trustLines(config, host),
    ...config.repositories
      .filter((route) => route.kind === 'mirror')
      .map((route) => mirrorLine(config, route, host)),
  ]
}

/** The built-in defaults have one account; in a configuration of their own people know theirs. */
function account({ file }: Config): string {
  return file === undefined ? ' -u admin' : ''
}

/** What image references begin with: the public name, or the first HTTPS listener. */
function registryHost({ publicUrl }: Config, listening: readonly string[]): string {
  const url = publicUrl ?? listening.find((each) => each.startsWith('https:')) ?? listening[0]
  return url === undefined ? 'localhost' : new URL(url).host
}

function trustLines({ listen }: Config, host: string): string[] {
  const tls = listen.map((listener) => listener.tls).find((each) => each?.kind === 'auto')
  if (tls?.kind !== 'auto') return []
  const authority = join(tls.folder, 'ca.crt')
  return [
    `Trust:     clients need the local CA, ${nearby(authority)}, as`,
    `  docker      /etc/docker/certs.d/${host}/ca.crt`,
    `  podman      /etc/containers/certs.d/${host}/ca.crt`,
    `  containerd  /etc/containerd/certs.d/${host}/hosts.toml with: ca = "${authority}"`,
  ]
}

function mirrorLine({ upstreams }: Config, { pattern, prefix, upstream }: MirrorRoute, host: string): string {
  const example = prefix === 'docker.io/' ? ` (docker pull ${host}/docker.io/library/alpine)` : ''
  return `Mirrored:  ${pattern} from ${upstreams.get(upstream)?.url ?? upstream}${example}`
}

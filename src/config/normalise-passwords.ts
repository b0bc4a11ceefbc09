// Password files and the throttle, from the words of the file to those of the program.
import type { AuthConfig, HtpasswdConfig } from './auth-config.ts'
import type { ConfigFile } from './schema.ts'

export function toPasswords(
  { htpasswd, throttle }: ConfigFile['auth'],
  absolute: (path: string) => string,
): Pick<AuthConfig, 'htpasswd' | 'throttle'> {
  return {
    htpasswd: filesOf(htpasswd).map(({ file, upgrade, realm, hosts, repositories }): HtpasswdConfig => ({
      file: absolute(file),
      upgrade,
      backend: realm === undefined ? 'htpasswd' : `htpasswd:${realm}`,
      realm,
      hosts,
      repositories,
    })),
    throttle:
      throttle === 'off'
        ? undefined
        : {
            freeFailures: throttle.failures,
            firstDelayMs: throttle.delay,
            maxDelayMs: Math.max(throttle.delay, throttle.maxDelay),
          },
  }
}

type LimitedFile = Extract<ConfigFile['auth']['htpasswd'], readonly unknown[]>[number]

function filesOf(htpasswd: ConfigFile['auth']['htpasswd']): readonly LimitedFile[] {
  if (htpasswd === undefined) return []
  return Array.isArray(htpasswd) ? htpasswd : [htpasswd]
}

// The programs the tests start, where they are looked for, and the Debian packages they come in.
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Program → Debian package. */
export const PROGRAMS: Readonly<Record<string, string>> = {
  'redis-server': 'redis-server',
  'docker-registry': 'docker-registry',
  nginx: 'nginx-light',
  skopeo: 'skopeo',
  htpasswd: 'apache2-utils',
  openssl: 'openssl',
  slapd: 'slapd',
  mkpasswd: 'whois',
  pg_ctlcluster: 'postgresql',
}

/** PATH with the folder of daemons, which a plain user's PATH lacks on Debian. */
export function searchPath(): string {
  return [process.env['PATH'] ?? '', '/usr/sbin'].join(delimiter)
}

/** Whether `program` is in one of the folders of {@link searchPath}. */
export function isInstalled(program: string): boolean {
  return searchPath()
    .split(delimiter)
    .some((folder) => folder !== '' && isExecutable(join(folder, program)))
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

// distribution 3, which succeeded registry:2, built from its pinned source where Go is at hand.
import { execFile } from 'node:child_process'
import { access, mkdir } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { writeHtpasswd } from '../../support/htpasswd.ts'
import { isInstalled, searchPath } from '../../support/programs.ts'
import type { Scope } from '../../support/scope.ts'
import { ACCOUNT, CannotRunError, type System } from '../system.ts'
import { startRegistry } from './docker-registry.ts'

const VERSION = 'v3.0.0'
const MODULE = `github.com/distribution/distribution/v3/cmd/registry@${VERSION}`
const BUILD_TIMEOUT_MS = 10 * 60_000

/** With TLS and a bcrypt password file (cost 5). */
export const distribution: System = distributionWith('distribution 3 + bcrypt', (t) =>
  writeHtpasswd(t, { [ACCOUNT.username]: ACCOUNT.password }),
)

/** The registry alone, without what a login costs it. */
export const openDistribution: System = {
  name: 'distribution 3, no login',
  async start(t, { tls, root, isPlain }) {
    const program = await distributionProgram()
    return { ...(await startRegistry(t, { root, program, ...(isPlain ? {} : { tls }) })), name: this.name }
  },
}

/** `passwords` answers the path of its password file. */
export function distributionWith(name: string, passwords: (t: Scope) => Promise<string>): System {
  return {
    name,
    async start(t, { tls, root, isPlain }) {
      const program = await distributionProgram()
      const htpasswd = await passwords(t)
      return { ...(await startRegistry(t, { root, htpasswd, program, ...(isPlain ? {} : { tls }) })), name }
    },
  }
}

/** Where the program is; it is built at the first use, and kept with the user's caches. */
async function distributionProgram(): Promise<string> {
  const caches = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache')
  const folder = join(caches, 'dockgate-bench', `distribution-${VERSION}`)
  const program = join(folder, 'registry')
  if (await isThere(program)) return program
  if (!isInstalled('go')) throw new CannotRunError('it is built by Go, which is not installed')
  await mkdir(folder, { recursive: true })
  const env = { ...process.env, PATH: searchPath(), GOBIN: folder }
  try {
    await promisify(execFile)('go', ['install', MODULE], { env, timeout: BUILD_TIMEOUT_MS })
  } catch (cause) {
    throw new CannotRunError(`go install ${MODULE} failed`, { cause })
  }
  return program
}

function isThere(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  )
}

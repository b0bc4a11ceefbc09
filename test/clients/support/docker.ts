// A Docker engine of its own: no bridge, no firewall rules, everything in one temporary folder.
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { startProcess } from '../../support/process.ts'
import { temporaryFolder, type Scope } from '../../support/scope.ts'
import { clientOf, ClientError, type Client } from './client-command.ts'
import { requireWorld } from './world.ts'

export interface DockerEngine {
  /** The command line, with logins that last as long as `t`. */
  clientFor(t: Scope): Promise<DockerClient>
}

export interface DockerClient {
  readonly docker: Client
  /** What `docker login` has kept for a registry; undefined for nothing. Docker Hub is {@link HUB}. */
  readonly loginAt: (registry: string) => Promise<DockerLogin | undefined>
  /** Keeps a login, as `docker login` does, without asking the registry. */
  readonly keep: (registry: string, login: DockerLogin) => Promise<void>
}

export interface DockerLogin {
  /** `user:password` in Base64; without a password where there is a token. */
  readonly auth?: string
  readonly identitytoken?: string
}

/** The name of Docker Hub among the logins. */
export const HUB = 'https://index.docker.io/v1/'

/** Starts dockerd, with further `args` such as `--registry-mirror=…`. It is gone when `t` ends. */
export async function startDocker(t: Scope, args: readonly string[] = []): Promise<DockerEngine> {
  await requireWorld()
  const folder = await temporaryFolder(t)
  const socket = `unix://${folder}/docker.sock`
  const ask = clientOf('docker', ['--host', socket], { DOCKER_CONFIG: folder })
  await startProcess(t, 'dockerd', {
    args: [
      `--host=${socket}`,
      `--data-root=${folder}/data`,
      `--exec-root=${folder}/exec`,
      `--pidfile=${folder}/docker.pid`,
      '--bridge=none',
      '--iptables=false',
      '--ip6tables=false',
      ...args,
    ],
    ready: () => ask(['version']).then(() => true, isNotYet),
    readyTimeoutMs: 60_000,
  })
  return { clientFor: (scope) => clientFor(scope, socket) }
}

async function clientFor(t: Scope, socket: string): Promise<DockerClient> {
  const folder = await temporaryFolder(t)
  const file = join(folder, 'config.json')
  return {
    docker: clientOf('docker', ['--host', socket], { DOCKER_CONFIG: folder }),
    loginAt: async (registry) => {
      const { auths } = JSON.parse(await readFile(file, 'utf8').catch(() => '{}')) as {
        auths?: Record<string, DockerLogin>
      }
      return auths?.[registry]
    },
    keep: (registry, login) => writeFile(file, JSON.stringify({ auths: { [registry]: login } })),
  }
}

function isNotYet(error: unknown): boolean {
  if (error instanceof ClientError) return false
  throw error
}

// A containerd of its own, without its Kubernetes side, and ctr to drive it.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { startProcess } from '../../support/process.ts'
import { temporaryFolder, type Scope } from '../../support/scope.ts'
import { clientOf, ClientError, type Client } from './client-command.ts'
import { requireWorld } from './world.ts'

export interface Containerd {
  readonly ctr: Client
  /** A folder for `--hosts-dir`, with a `hosts.toml` for each registry. */
  readonly hostsFolder: string
}

/** Starts containerd; `hosts` are the `hosts.toml` by registry. It is gone when `t` ends. */
export async function startContainerd(
  t: Scope,
  hosts: Readonly<Record<string, string>>,
): Promise<Containerd> {
  await requireWorld()
  const folder = await temporaryFolder(t)
  const socket = join(folder, 'containerd.sock')
  const ctr = clientOf('ctr', ['--address', socket], {})
  await writeFile(join(folder, 'config.toml'), configOf(folder, socket))
  await startProcess(t, 'containerd', {
    args: ['--config', join(folder, 'config.toml')],
    ready: () => ctr(['version']).then(() => true, isNotYet),
    readyTimeoutMs: 60_000,
  })
  const hostsFolder = join(folder, 'hosts')
  for (const [name, text] of Object.entries(hosts)) {
    await mkdir(join(hostsFolder, name), { recursive: true })
    await writeFile(join(hostsFolder, name, 'hosts.toml'), text)
  }
  return { ctr, hostsFolder }
}

/** A `hosts.toml` for a registry whose certificate comes from the CA in `caFile`. */
export function hostsToml(registry: string, caFile: string): string {
  // Without the empty table, containerd 1.6 takes the file for a broken one.
  return `server = "https://${registry}"\nca = ${JSON.stringify(caFile)}\n[host]\n`
}

// JSON's strings are TOML's.
function configOf(folder: string, socket: string): string {
  return [
    'version = 2',
    `root = ${JSON.stringify(join(folder, 'root'))}`,
    `state = ${JSON.stringify(join(folder, 'state'))}`,
    'disabled_plugins = ["io.containerd.grpc.v1.cri"]',
    `[grpc]\n  address = ${JSON.stringify(socket)}`,
    `[ttrpc]\n  address = ${JSON.stringify(`${socket}.ttrpc`)}`,
    '',
  ].join('\n')
}

function isNotYet(error: unknown): boolean {
  if (error instanceof ClientError) return false
  throw error
}

// The world the clients live in: namespaces of their own, with loopback, a few names, and empty system folders of the clients.
// No packet leaves it, it has the ports 80 and 443, and with its first process all the others and every mount are gone.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { searchPath } from '../../support/programs.ts'

/**
 * The names that clients know, and their addresses (RFC 6761 `.test`, RFC 5737 TEST-NET-1).
 * Not 127.0.0.0/8: dockerd does not verify TLS there, and falls back to plain HTTP.
 */
export const HOSTS = { 'registry.test': '192.0.2.1', 'basic.test': '192.0.2.2' } as const

export type HostName = keyof typeof HOSTS

const UNSHARE = [
  '--mount',
  '--propagation',
  'private',
  '--net',
  '--pid',
  '--fork',
  '--kill-child',
  '--mount-proc',
]

/** Where the clients look for certificates, and leave locks, sockets and caches that no option moves elsewhere. */
const EMPTY_FOLDERS = [
  '/etc/docker',
  '/etc/containerd',
  '/etc/containers/certs.d',
  '/etc/containers/registries.conf.d',
  '/run',
  '/dev/shm',
  '/var/lib/containers',
]

const SETUP = `
set -e
folder=$1; shift
ip link set lo up
for address in ${Object.values(HOSTS).join(' ')}; do ip address add $address/32 dev lo; done
mount --bind "$folder/hosts" /etc/hosts
for empty in ${EMPTY_FOLDERS.join(' ')}; do mkdir -p $empty; mount -t tmpfs tmpfs $empty; done
exec "$@"
`

/** One line that says why this machine can not have such a world; undefined when it can. */
export function worldProblem(): string | undefined {
  const { status, stderr } = spawnSync('unshare', [...UNSHARE, 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'], {
    encoding: 'utf8',
  })
  if (status === 0) return undefined
  return `The clients need root with namespaces and mounts of its own (CAP_SYS_ADMIN, no seccomp filter against it): ${stderr.trim()}`
}

/** Runs a program in a new world and resolves with its exit code. Its temporary folders are gone then. */
export async function runInWorld(program: string, args: readonly string[]): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'dockgate-clients-'))
  try {
    const names = Object.entries(HOSTS).map(([name, address]) => `${address} ${name}\n`)
    await writeFile(join(folder, 'hosts'), ['127.0.0.1 localhost\n', ...names].join(''))
    const child = spawn('unshare', [...UNSHARE, 'sh', '-c', SETUP, 'sh', folder, program, ...args], {
      stdio: 'inherit',
      env: { ...process.env, PATH: searchPath(), TMPDIR: folder },
    })
    // Who stops us stops the world, too, and its folder goes.
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => child.kill('SIGKILL'))
    const [code] = await once(child, 'exit')
    return typeof code === 'number' ? code : 1
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
  }
}

/** Rejects outside of such a world, where the machine's own `/etc` would be written to. */
export async function requireWorld(): Promise<void> {
  const hosts = await readFile('/etc/hosts', 'utf8')
  if (!hosts.includes('registry.test')) throw new Error('start the tests of the clients by: npm run clients')
}

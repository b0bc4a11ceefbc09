// The machine that figures come from: without it they mean nothing.
import { execFile } from 'node:child_process'
import { cpus, release, totalmem } from 'node:os'
import { promisify } from 'node:util'
import { isInstalled, searchPath } from '../support/programs.ts'

export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryGib: number
  readonly kernel: string
  readonly node: string
  readonly openssl: string
  readonly nginx: string
  readonly dockerRegistry: string
}

/** Program → Debian package. */
const NEEDED: Readonly<Record<string, string>> = {
  wrk: 'wrk',
  curl: 'curl',
  nginx: 'nginx-light',
  'docker-registry': 'docker-registry',
  htpasswd: 'apache2-utils',
  openssl: 'openssl',
  skopeo: 'skopeo',
  taskset: 'util-linux',
}

/** What keeps the bench from running here, in one line that says what to do; undefined when nothing does. */
export function obstacle(): string | undefined {
  if (process.platform !== 'linux')
    return 'the bench reads /proc and pins processes to cores: run it on Linux'
  if (cpus().length < 2) return 'the bench needs two cores: one for the servers, one for the clients'
  const missing = Object.entries(NEEDED).flatMap(([program, name]) => (isInstalled(program) ? [] : [name]))
  if (missing.length === 0) return undefined
  return `the bench needs programs that are missing: sudo apt-get install -y --no-install-recommends ${missing.join(' ')}`
}

export async function describeMachine(): Promise<Machine> {
  const [first] = cpus()
  return {
    cpu: first?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGib: Math.round(totalmem() / 1024 ** 3),
    kernel: release(),
    node: process.versions.node,
    openssl: process.versions.openssl,
    nginx: await versionOf('nginx', '-v'),
    dockerRegistry: await versionOf('docker-registry', '--version'),
  }
}

async function versionOf(program: string, flag: string): Promise<string> {
  const env = { ...process.env, PATH: searchPath(), AWS_CA_BUNDLE: undefined }
  const { stdout, stderr } = await promisify(execFile)(program, [flag], { env })
  return /\d+(?:\.\d+)+/.exec(stdout + stderr)?.[0] ?? 'unknown'
}

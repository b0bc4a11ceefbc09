// What a script of the tests needs of the machine: this Node or a newer one, and programs, which it installs when it may.
import { spawnSync } from 'node:child_process'
import { isInstalled } from './programs.ts'

const OLDEST_NODE = [24, 7] as const

// A service that apt starts would take the port of somebody else on the machine: nothing is started (policy-rc.d, exit 101).
const INSTALL = `
set -e
export DEBIAN_FRONTEND=noninteractive
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
  trap 'rm -f $policy' EXIT
  printf '#!/bin/sh\\nexit 101\\n' >$policy
  chmod 755 $policy
fi
apt-get -qq update
apt-get -qq -o DPkg::Lock::Timeout=600 install -y --no-install-recommends "$@"
`

/** One line that says what is wrong with this Node; undefined when nothing is. */
export function nodeProblem(): string | undefined {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const isOld = major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1])
  if (isOld)
    return `Node ${OLDEST_NODE.join('.')} or newer is needed, this is ${process.versions.node}: run npm ci`
  return undefined
}

/**
 * Installs those of `programs` (program → Debian package) that are missing, as root or in CI.
 * One line with the command that does it where that may not be, or did not help.
 */
export function programProblem(programs: Readonly<Record<string, string>>): string | undefined {
  const missing = missingPackages(programs)
  if (missing.length === 0) return undefined
  if (mayInstall()) install(missing)
  const left = missingPackages(programs)
  if (left.length === 0) return undefined
  return `The tests need programs that are missing: sudo apt-get install -y --no-install-recommends ${left.join(' ')}`
}

export function isRoot(): boolean {
  return process.getuid?.() === 0
}

function missingPackages(programs: Readonly<Record<string, string>>): string[] {
  const missing = Object.entries(programs).filter(([program]) => !isInstalled(program))
  return [...new Set(missing.map(([, name]) => name))]
}

function mayInstall(): boolean {
  return (isRoot() || process.env['CI'] === 'true') && isInstalled('apt-get')
}

function install(packages: readonly string[]): void {
  console.error(`installing ${packages.join(' ')}`)
  const command = ['sh', '-c', INSTALL, 'sh', ...packages]
  const [program = '', ...args] = isRoot() ? command : ['sudo', '-n', ...command]
  spawnSync(program, args, { stdio: ['ignore', 'ignore', 'inherit'] })
}

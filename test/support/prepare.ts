// Runs before the tests: is this Node new enough, and are the real servers and clients here? Installs what it may.
import { spawnSync } from 'node:child_process'
import { isInstalled, PROGRAMS } from './programs.ts'

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

const problem = nodeProblem() ?? programProblem()
if (problem !== undefined) {
  console.error(problem)
  process.exitCode = 1
}

function nodeProblem(): string | undefined {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const isOld = major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1])
  if (isOld)
    return `Node ${OLDEST_NODE.join('.')} or newer is needed, this is ${process.versions.node}: run npm ci`
  return undefined
}

function programProblem(): string | undefined {
  const missing = missingPackages()
  if (missing.length === 0) return undefined
  if (mayInstall()) install(missing)
  const left = missingPackages()
  if (left.length === 0) return undefined
  return `The tests need programs that are missing: sudo apt-get install -y --no-install-recommends ${left.join(' ')}`
}

function missingPackages(): string[] {
  return Object.entries(PROGRAMS).flatMap(([program, name]) => (isInstalled(program) ? [] : [name]))
}

function mayInstall(): boolean {
  return (isRoot() || process.env['CI'] === 'true') && isInstalled('apt-get')
}

function isRoot(): boolean {
  return process.getuid?.() === 0
}

function install(packages: readonly string[]): void {
  console.error(`installing ${packages.join(' ')}`)
  const command = ['sh', '-c', INSTALL, 'sh', ...packages]
  const [program = '', ...args] = isRoot() ? command : ['sudo', '-n', ...command]
  spawnSync(program, args, { stdio: ['ignore', 'ignore', 'inherit'] })
}

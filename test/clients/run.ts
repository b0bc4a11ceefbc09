// `npm run clients`: the real docker, containerd, podman, buildah and skopeo against dockgate, as root on a Linux of ours.
import { globSync } from 'node:fs'
import { join } from 'node:path'
import { isRoot, nodeProblem, programProblem } from '../support/requirements.ts'
import { runInWorld, worldProblem } from './support/world.ts'

/** Program → Debian package. */
const PROGRAMS = {
  docker: 'docker.io',
  dockerd: 'docker.io',
  containerd: 'containerd',
  ctr: 'containerd',
  podman: 'podman',
  buildah: 'buildah',
  runc: 'runc',
  skopeo: 'skopeo',
  htpasswd: 'apache2-utils',
  ip: 'iproute2',
  unshare: 'util-linux',
}

const problem = nodeProblem() ?? rootProblem() ?? programProblem(PROGRAMS) ?? worldProblem()
if (problem === undefined) process.exitCode = await runTests()
else {
  console.error(problem)
  process.exitCode = 1
}

function rootProblem(): string | undefined {
  return isRoot() ? undefined : 'dockerd and containerd need root: run it as root, on a machine of yours'
}

function runTests(): Promise<number> {
  const wanted = process.argv.slice(2)
  const files = wanted.length > 0 ? wanted : globSync(join(import.meta.dirname, '*.clients.ts')).toSorted()
  // One file at a time: each has the same names for itself.
  return runInWorld(process.execPath, ['--test', '--test-concurrency=1', ...files])
}

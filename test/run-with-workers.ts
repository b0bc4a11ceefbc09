// `npm run test:workers`: every test that starts a gateway, once more, with two processes that serve clients.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { glob, readFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'

const GATEWAY = join(import.meta.dirname, 'support/gateway.ts')
const ROOT = dirname(import.meta.dirname)

/** What is known of files already; a circle leads nowhere. */
const known = new Map<string, boolean>([[GATEWAY, true]])

const files: string[] = []
for await (const file of glob('test/**/*.test.ts', { cwd: ROOT }))
  // Tests of workers have them in any case.
  if (!file.startsWith('test/app/cluster/') && (await startsGateway(join(ROOT, file))))
    files.push(relative(process.cwd(), join(ROOT, file)))
// In turn: what a client sends one after the other goes to the one worker and to the other.
const env = { ...process.env, DOCKGATE_TEST_WORKERS: '2', NODE_CLUSTER_SCHED_POLICY: 'rr' }
const args = ['--test', '--test-concurrency=2', ...files.toSorted()]
const [code]: unknown[] = await once(spawn(process.execPath, args, { env, stdio: 'inherit' }), 'exit')
process.exitCode = code === 0 ? 0 : 1

/** Whether the file, or one that it imports, starts the command line with the configuration of the tests. */
async function startsGateway(file: string): Promise<boolean> {
  const found = known.get(file)
  if (found !== undefined) return found
  known.set(file, false)
  // Some tests hold code that names files that are not there.
  const text = await readFile(file, 'utf8').catch(() => '')
  let does = false
  for (const [, imported = ''] of text.matchAll(/ from '(\.[^']+)'/g))
    does = (await startsGateway(join(dirname(file), imported))) || does
  known.set(file, does)
  return does
}

// `npm run clients` needs much of a machine; where that is missing it says so in one line, and fails.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { temporaryFolder } from '../support/scope.ts'

const FILES = import.meta.dirname

test('without the clients, or without root, it says what to do in one line', async (t) => {
  const { status, stderr } = node({ PATH: await temporaryFolder(t) }, join(FILES, 'run.ts'))
  assert.equal(status, 1)
  assert.match(stderr, /^(?:.*apt-get install .*podman.*|dockerd and containerd need root.*)\n$/)
})

test('its tests refuse to run on the machine itself', () => {
  const { status, stdout } = node({}, '--test', join(FILES, 'docker.clients.ts'))
  assert.equal(status, 1)
  assert.match(stdout, /start the tests of the clients by: npm run clients/)
})

/** Without the mark that node:test leaves for its own children. */
function node(
  env: Record<string, string>,
  ...args: string[]
): { status: number | null; stdout: string; stderr: string } {
  const { NODE_TEST_CONTEXT: _, ...rest } = process.env
  return spawnSync(process.execPath, args, { encoding: 'utf8', env: { ...rest, ...env } })
}

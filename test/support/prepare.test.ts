// What `npm test` runs first says in one line what is missing, and is silent and quick when nothing is.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { temporaryFolder } from './scope.ts'

const PREPARE = join(import.meta.dirname, 'prepare.ts')

test('it is silent when everything is there', () => {
  const { status, stdout, stderr } = prepare({})
  assert.deepEqual([status, stdout, stderr], [0, '', ''])
})

test('without the programs, and without a way to install them, it prints the command that does', async (t) => {
  const { status, stderr } = prepare({ PATH: await temporaryFolder(t) })
  assert.equal(status, 1)
  assert.match(stderr, /^The tests need programs that are missing: sudo apt-get install .*redis-server.*\n$/)
})

function prepare(env: Record<string, string>): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [PREPARE], { encoding: 'utf8', env: { ...process.env, ...env } })
}

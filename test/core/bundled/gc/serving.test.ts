// Who serves a store, told by files that a crash leaves behind.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { lastServedAt, othersServe, ServingMark } from '../../../../src/core/bundled/gc/serving.ts'
import { atEnd, temporaryFolder, type Scope } from '../../../support/scope.ts'

const PROGRAM = fileURLToPath(new URL('serving-process.ts', import.meta.url))

/** Another process that serves `root`. */
async function serveElsewhere(t: Scope, root: string) {
  const child = spawn(process.execPath, [PROGRAM, root], { stdio: ['pipe', 'pipe', 'inherit'] })
  atEnd(t, () => void child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  return child
}

test('a process knows of others that serve the store, and does not count itself', async (t) => {
  const root = await temporaryFolder(t)
  assert.equal(await othersServe(root), false)
  const mark = await ServingMark.put(root)
  assert.equal(await othersServe(root), false)
  const other = await serveElsewhere(t, root)
  assert.equal(await othersServe(root), true)
  other.stdin.end()
  await once(other, 'exit')
  assert.equal(await othersServe(root), false)
  await mark.remove()
})

test('one that was killed serves no more, and what it left is cleared away by the next one', async (t) => {
  const root = await temporaryFolder(t)
  const other = await serveElsewhere(t, root)
  other.kill('SIGKILL')
  await once(other, 'exit')
  assert.equal(await othersServe(root), false)
  const mark = await ServingMark.put(root)
  assert.equal((await readdir(join(root, 'dockgate', 'serving'))).length, 1)
  await mark.remove()
})

test('it stays known when a process served last, whether it ended in order or was killed', async (t) => {
  const [ended, killed, never] = [
    await temporaryFolder(t),
    await temporaryFolder(t),
    await temporaryFolder(t),
  ]
  const begunAt = Date.now()
  const [first, second] = [await serveElsewhere(t, ended), await serveElsewhere(t, killed)]
  first.stdin.end()
  second.kill('SIGKILL')
  await Promise.all([once(first, 'exit'), once(second, 'exit')])
  for (const root of [ended, killed]) assert.ok(((await lastServedAt(root)) ?? 0) >= begunAt - 10)
  assert.equal(await lastServedAt(never), undefined)
})

test('one of which this machine knows nothing is believed while it touches its file', async (t) => {
  const root = await temporaryFolder(t)
  await (await ServingMark.put(root)).remove()
  const file = join(root, 'dockgate', 'serving', 'elsewhere')
  await writeFile(file, JSON.stringify({ machine: 'another', pid: 1, id: 'elsewhere' }))
  assert.equal(await othersServe(root), true)
  const longAgo = new Date(Date.now() - 120_000)
  await utimes(file, longAgo, longAgo)
  assert.equal(await othersServe(root), false)
})

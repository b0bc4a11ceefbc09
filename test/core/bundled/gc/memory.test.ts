// How much memory a collection takes on a large store.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { GcReport } from '../../../../src/core/bundled/gc/gc-run.ts'

const MIB = 2 ** 20

test('twenty thousand manifests with eighty thousand blobs take few megabytes, also to find the untagged ones', async () => {
  const [images, layers, garbage] = [20_000, 2, 1000]
  const script = fileURLToPath(new URL('measure-memory.ts', import.meta.url))
  const arguments_ = ['--expose-gc', script, ...[images, layers, garbage].map(String)]
  const { stdout } = await promisify(execFile)(process.execPath, arguments_)
  const report: GcReport & { heldBytes: number } = JSON.parse(stdout)
  const untagged = images - images / 100
  assert.equal(report.manifests, images)
  assert.equal(report.removedManifests, untagged)
  assert.equal(report.removedBlobs, untagged * (layers + 2) + garbage)
  assert.ok(report.heldBytes < 16 * MIB, `${(report.heldBytes / MIB).toFixed(1)} MiB`)
})

// Killed at any moment of a push, the registry loses nothing that it acknowledged and shows nothing half-written.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { killAgainAndAgain } from './kill/kills.ts'

test('twenty kills in the middle of pushes lose nothing and leave nothing half-written, for registry:2 neither', async (t) => {
  const seed = Math.floor(Math.random() * 1e6)
  t.diagnostic(`node test/core/bundled/kill/run.ts --kills 20 --seed ${seed}`)
  const report = await killAgainAndAgain(t, { kills: 20, seed, registryEvery: 10 })
  assert.equal(report.kills, 20)
  assert.ok(report.names > 20, 'next to nothing was pushed')
})

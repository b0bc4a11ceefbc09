// Upload sessions that another process of the same gateway has claimed.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { noPeers } from '../../../src/cache/peers.ts'
import { claimPath } from '../../../src/core/bundled/claim-files.ts'
import { SessionClaims } from '../../../src/core/bundled/session-claims.ts'
import { thisProcess } from '../../../src/storage/process-identity.ts'
import { startBundled } from './bundled.ts'

/** A process that lives, but not this one. */
async function parentProcess() {
  const status = await readFile(`/proc/${process.ppid}/stat`, 'utf8')
  const startedAt = status.slice(status.lastIndexOf(')') + 2).split(' ')[19]
  return { ...(await thisProcess()), pid: process.ppid, id: 'parent', startedAt }
}

test('a session that another process could not release goes on when that says it is not at work there', async (t) => {
  const { driver } = await startBundled(t)
  const record = { token: 'token', owner: await parentProcess(), beat: 0 }
  await driver.writeAll(claimPath('session', 1), Buffer.from(JSON.stringify(record)))
  let answers: (boolean | null)[] = []
  const claims = new SessionClaims(driver, { peers: { ...noPeers(), ask: async () => answers } })
  for (answers of [[], [null], [null, true]])
    await assert.rejects(claims.take('session'), { code: 'BLOB_UPLOAD_INVALID', status: 409 })
  answers = [null, false]
  await (await claims.take('session')).release()
})

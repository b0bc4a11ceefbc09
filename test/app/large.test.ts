import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { startGateway, type RunningGateway } from '../support/gateway.ts'
import { readLayout, writeLargeLayout } from '../support/oci-layout.ts'
import { temporaryFolder } from '../support/scope.ts'
import { copyImage, skopeoFor } from '../support/skopeo.ts'

const MIB = 1024 * 1024
const GIB = 1024 * MIB

/** Bytes that the gateway's process holds in memory: now, or at most up to now (proc(5), `/proc/pid/status`). */
async function memoryOf({ program }: RunningGateway, field: 'VmRSS' | 'VmHWM'): Promise<number> {
  const status = await readFile(`/proc/${program.pid}/status`, 'utf8')
  const [, kib] = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status) ?? []
  assert(kib)
  return Number(kib) * 1024
}

test('an image of a GiB is pushed and pulled over TLS, and the memory of the gateway does not grow with it', async (t) => {
  const [gateway, skopeo, folder] = [await startGateway(t), await skopeoFor(t), await temporaryFolder(t)]
  const { host, caFolder } = gateway
  const { manifest } = await writeLargeLayout(join(folder, 'in'), { bytes: GIB })
  const idle = await memoryOf(gateway, 'VmRSS')
  const image = { image: `docker://${host}/team-a/large:latest`, credentials: 'alice:alice-secret', caFolder }
  await copyImage(skopeo, { image: `oci:${folder}/in:latest` }, image)
  await copyImage(skopeo, image, { image: `oci:${folder}/out:latest` })
  assert.equal((await readLayout(join(folder, 'out')))['latest']?.digest, manifest.digest)
  const growth = (await memoryOf(gateway, 'VmHWM')) - idle
  t.diagnostic(`the gateway grew by ${Math.round(growth / MIB)} MiB over ${Math.round(idle / MIB)} MiB`)
  assert(growth < 150 * MIB, `grew by ${Math.round(growth / MIB)} MiB`)
})

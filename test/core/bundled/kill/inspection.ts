// Looks at everything that may stand after a kill: through dockgate, or through the real registry:2 on the same folder.
import assert from 'node:assert/strict'
import { digestOf } from '../../../../src/oci/digest.ts'
import { OCI_MANIFEST } from '../../../../src/oci/media-type.ts'
import { send } from '../../../support/http.ts'
import { bytesOf } from './contents.ts'
import { ABSENT, PRESENT, type Ledger } from './ledger.ts'
import { blobKey, type Pusher, type Upload } from './pusher.ts'

export interface Inspected {
  /** `dockgate` or `registry:2`. */
  readonly name: string
  readonly url: string
}

/** Each name answers what it may, whole and with the right bytes. */
export async function inspect(
  { name, url }: Inspected,
  ledger: Ledger,
  pushers: readonly Pusher[],
  keys: readonly string[],
): Promise<void> {
  const blobs = new Map(pushers.flatMap((pusher) => [...pusher.blobs]))
  for (const key of keys) {
    const answer = await send(`${url}/v2/${key}`, { headers: { accept: OCI_MANIFEST } })
    assert.ok(
      answer.status === 200 || answer.status === 404,
      `${name}: ${answer.status} for ${key}: ${answer.text()}`,
    )
    const reference = key.slice(key.lastIndexOf('/') + 1)
    const digest = answer.status === 200 ? digestOf(answer.body) : ABSENT
    if (!reference.includes(':')) {
      ledger.observe(key, digest, name)
      if (digest !== ABSENT) await assertPullable(url, key, answer.body)
      continue
    }
    if (digest !== ABSENT) assert.equal(digest, reference, `${name} answers other bytes for ${key}`)
    assert.ok(digest === ABSENT || !blobs.has(reference) || answer.body.length === blobs.get(reference)?.size)
    ledger.observe(key, digest === ABSENT ? ABSENT : PRESENT, name)
  }
}

/** A tag leads to a manifest that is there by its digest, and whose blobs are there. */
async function assertPullable(url: string, tagKey: string, bytes: Buffer): Promise<void> {
  const repository = tagKey.slice(0, tagKey.lastIndexOf('/manifests/'))
  const headers = { accept: OCI_MANIFEST }
  const byDigest = await send(`${url}/v2/${repository}/manifests/${digestOf(bytes)}`, {
    method: 'HEAD',
    headers,
  })
  assert.equal(byDigest.status, 200, `the manifest that ${tagKey} leads to is not there by its digest`)
  const { config, layers } = JSON.parse(bytes.toString()) as {
    config: { digest: string }
    layers: { digest: string }[]
  }
  for (const { digest } of [config, ...layers]) {
    const blob = await send(`${url}/v2/${repository}/blobs/${digest}`, { method: 'HEAD' })
    assert.equal(blob.status, 200, `${digest}, which ${tagKey} needs, is not there`)
  }
}

/** What a listing names can be had. */
export async function inspectTags(url: string, pushers: readonly Pusher[]): Promise<void> {
  for (const repository of pushers.flatMap((pusher) => pusher.repositories)) {
    const list = await send(`${url}/v2/${repository}/tags/list`)
    if (list.status === 404) continue
    for (const tag of list.json<{ tags: string[] }>().tags) {
      const manifest = await send(`${url}/v2/${repository}/manifests/${tag}`, { method: 'HEAD' })
      assert.equal(manifest.status, 200, `${repository} lists ${tag}, which is not there`)
    }
  }
}

/** Sessions stand at what was acknowledged or behind it; every other one is brought to its end, across the kill. */
export async function inspectUploads(url: string, ledger: Ledger, pusher: Pusher): Promise<void> {
  const open: Upload[] = []
  for (const [at, upload] of pusher.uploads.entries()) {
    const offset = await offsetOf(url, upload)
    if (offset === undefined) {
      assert.ok(upload.ending, `${upload.path} is gone, and nobody ended it`)
      // The blob comes before the session goes.
      if (upload.ending === 'finish') ledger.settle(blobKey(upload.repository, upload.blob), PRESENT)
      continue
    }
    const { acknowledged, sent } = upload
    assert.ok(
      offset >= acknowledged && offset <= sent,
      `at ${offset}: ${acknowledged} acknowledged, ${sent} sent`,
    )
    if (at % 2 === 0) await resume(url, ledger, upload, offset)
    else open.push({ ...upload, acknowledged: offset, sent: offset })
  }
  pusher.uploads = open
}

async function resume(url: string, ledger: Ledger, upload: Upload, offset: number): Promise<void> {
  const { blob, path, repository } = upload
  const body = bytesOf(blob).subarray(offset)
  const headers = { 'content-range': `${offset}-${blob.size - 1}` }
  if (body.length > 0) {
    const patched = await send(url + path, { method: 'PATCH', body, headers })
    assert.equal(patched.status, 202, patched.text())
  }
  const put = await send(`${url}${path}?digest=${blob.digest}`, { method: 'PUT' })
  assert.equal(put.status, 201, `resumed at ${offset} of ${blob.size}: ${put.text()}`)
  ledger.settle(blobKey(repository, blob), PRESENT)
}

/** Undefined when there is no such session. A range of one byte looks like none, but no chunk of one byte is sent. */
async function offsetOf(url: string, { path }: Upload): Promise<number | undefined> {
  const status = await send(url + path)
  if (status.status === 404) return undefined
  assert.equal(status.status, 204, status.text())
  const end = Number(/^0-(\d+)$/.exec(status.headers.range ?? '')?.[1])
  return end === 0 ? 0 : end + 1
}

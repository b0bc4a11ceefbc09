// Fills the store that all systems serve: pushes through dockgate, onto registry:2's layout.
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { hexOf, parseDigest, type Digest } from '../../../src/oci/digest.ts'
import type { TestCertificate } from '../../support/certificates.ts'
import { send, type RequestOptions } from '../../support/http.ts'
import { imageOf, type Content as Bytes } from '../../support/images.ts'
import type { Scope } from '../../support/scope.ts'
import { seededStream } from '../../support/seeded-bytes.ts'
import { MANY, REPOSITORY, TAG, type Content, type Needs, type StoredBlob } from './content.ts'
import { writeManyRepositories } from './many-repositories.ts'
import { ACCOUNT } from '../system.ts'
import { dockgate } from '../systems/dockgate.ts'

export interface ContentOptions {
  readonly root: string
  readonly tls: TestCertificate
  readonly needs: readonly Needs[]
  readonly progress: (text: string) => void
}

/** Pushes everything. */
export async function makeContent(t: Scope, options: ContentOptions): Promise<Content> {
  const { root, tls, needs } = options
  if (needs.some(({ manyRepositories }) => manyRepositories)) {
    options.progress(`making ${MANY} repositories`)
    await writeManyRepositories(root, MANY)
  }
  const { url } = await dockgate.start(t, {
    root,
    tls,
    content: undefined,
    profileFolder: undefined,
    isPlain: false,
  })
  const push = pusher(url, tls)
  // As many layers as usual images have: a manifest of 1.4 KB.
  const image = imageOf({ layers: 6 })
  for (const { digest, bytes } of image.blobs) await push.blob(digest, bytes.length, bytes)
  await push.manifest(image.manifest)
  const blobs: StoredBlob[] = []
  for (const size of new Set(needs.flatMap(({ blobSizes = [] }) => blobSizes))) {
    options.progress(`making a blob of ${Math.round(size / 1024 ** 2)} MiB`)
    const digest = await seededDigest(size)
    await push.blob(digest, size, seededStream(seedOf(size), size))
    blobs.push({ digest, size, file: dataFile(root, digest) })
  }
  return {
    root,
    manifest: image.manifest,
    manifestPath: `/v2/${REPOSITORY}/manifests/${TAG}`,
    blobs,
    blob: (size) => {
      const found = blobs.find((each) => each.size === size)
      if (!found) throw new Error(`no blob of ${size} bytes was made`)
      return found
    },
  }
}

function pusher(url: string, { ca }: TestCertificate) {
  const ask = async (path: string, options: RequestOptions, status: number) => {
    const answer = await send(new URL(path, url), { ca, account: ACCOUNT, ...options })
    if (answer.status !== status) throw new Error(`${path} was answered ${answer.status}: ${answer.text()}`)
    return answer
  }
  return {
    blob: async (digest: Digest, size: number, body: NonNullable<RequestOptions['body']>) => {
      const begun = await ask(`/v2/${REPOSITORY}/blobs/uploads/`, { method: 'POST' }, 202)
      const location = new URL(begun.headers.location ?? '', url)
      location.searchParams.set('digest', digest)
      const headers = { 'Content-Type': 'application/octet-stream', 'Content-Length': String(size) }
      await ask(location.href, { method: 'PUT', headers, body }, 201)
    },
    manifest: ({ mediaType, bytes }: Bytes) =>
      ask(
        `/v2/${REPOSITORY}/manifests/${TAG}`,
        { method: 'PUT', headers: { 'Content-Type': mediaType }, body: bytes },
        201,
      ),
  }
}

async function seededDigest(size: number): Promise<Digest> {
  const hash = createHash('sha256')
  for await (const chunk of seededStream(seedOf(size), size)) hash.update(chunk as Buffer)
  const digest = parseDigest(`sha256:${hash.digest('hex')}`)
  if (!digest) throw new Error('a SHA-256 in hex is a digest')
  return digest
}

function seedOf(size: number): string {
  return `blob of ${size}`
}

/** registry:2's layout. */
function dataFile(root: string, digest: Digest): string {
  const hex = hexOf(digest)
  return join(root, 'docker/registry/v2/blobs/sha256', hex.slice(0, 2), hex, 'data')
}

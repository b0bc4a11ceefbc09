// OCI layouts on disk (image-spec "Image Layout"): what skopeo copies from, and what the Hub stand-in can serve.
import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { digestOf, hexOf, parseDigest, type Digest } from '../../src/oci/digest.ts'
import { AMD64, configOf, describe, manifestOf, OCI_TYPES } from './images.ts'
import type { Content, Described, Image, Index } from './images.ts'
import { seededStream } from './seeded-bytes.ts'
import { tarHeader, tarTrailer } from './tar.ts'

const REF_NAME = 'org.opencontainers.image.ref.name'

/** Writes images into `folder` as one OCI layout: `{ latest: imageOf(), … }` is read as `oci:<folder>:latest`. */
export async function writeLayout(
  folder: string,
  tags: Readonly<Record<string, Image | Index>>,
): Promise<void> {
  await mkdir(blobFolder(folder), { recursive: true })
  for (const item of Object.values(tags))
    for (const content of contentsOf(item)) await writeBlob(folder, content)
  await writeIndex(
    folder,
    Object.fromEntries(Object.entries(tags).map(([tag, item]) => [tag, item.manifest])),
  )
}

/** Everything that an image or index consists of: blobs first, the manifest that is tagged last. */
export function contentsOf(item: Image | Index): Content[] {
  if ('images' in item) return [...item.images.flatMap(contentsOf), item.manifest]
  return [...item.blobs, item.manifest]
}

/** Where a layout keeps the bytes of `digest`. */
export function blobPath(folder: string, digest: Digest): string {
  return join(blobFolder(folder), hexOf(digest))
}

/** The tags of a layout and the manifests they name. */
export async function readLayout(folder: string): Promise<Record<string, Described>> {
  const { manifests } = JSON.parse(await readFile(join(folder, 'index.json'), 'utf8')) as {
    manifests: (Described & { annotations?: Record<string, string> })[]
  }
  return Object.fromEntries(
    manifests.map((item) => [item.annotations?.[REF_NAME] ?? 'latest', describe(item)]),
  )
}

export interface LargeImage {
  readonly manifest: Content
  readonly config: Content
  readonly layer: Described
}

/**
 * Writes a layout with one image under `tag`, whose only layer holds a file of `bytes` bytes.
 * The layer goes to disk as it is made: a GiB takes a GiB of disk and a few MiB of memory.
 */
export async function writeLargeLayout(
  folder: string,
  { bytes, seed = 'large', tag = 'latest' }: { bytes: number; seed?: string; tag?: string },
): Promise<LargeImage> {
  await mkdir(blobFolder(folder), { recursive: true })
  const { layer, diffId } = await writeLayer(folder, seed, bytes)
  const config = configOf(OCI_TYPES, AMD64, [diffId], seed)
  const manifest = manifestOf(OCI_TYPES, config, [layer])
  await writeBlob(folder, config)
  await writeBlob(folder, manifest)
  await writeIndex(folder, { [tag]: manifest })
  return { manifest, config, layer }
}

async function writeLayer(
  folder: string,
  seed: string,
  bytes: number,
): Promise<{ layer: Described; diffId: Digest }> {
  const partial = join(folder, 'partial-layer')
  const [tar, blob] = [createHash('sha256'), createHash('sha256')]
  let size = 0
  await pipeline(
    Readable.from(tarChunks(seed, bytes)),
    async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        tar.update(chunk)
        yield chunk
      }
    },
    createGzip({ level: 0 }),
    async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        blob.update(chunk)
        size += chunk.length
        yield chunk
      }
    },
    createWriteStream(partial),
  )
  const digest = parsed(blob.digest('hex'))
  await rename(partial, blobPath(folder, digest))
  return { layer: { mediaType: OCI_TYPES.layer, digest, size }, diffId: parsed(tar.digest('hex')) }
}

async function* tarChunks(seed: string, bytes: number): AsyncGenerator<Buffer> {
  yield tarHeader(`${seed}.bin`, bytes)
  yield* seededStream(seed, bytes)
  yield tarTrailer(bytes)
}

function parsed(hex: string): Digest {
  const digest = parseDigest(`sha256:${hex}`)
  if (digest === undefined) throw new Error('a SHA-256 in hex is a digest')
  return digest
}

async function writeBlob(folder: string, content: Content): Promise<void> {
  if (digestOf(content.bytes) !== content.digest)
    throw new Error(`the bytes are not those of ${content.digest}`)
  await writeFile(blobPath(folder, content.digest), content.bytes)
}

async function writeIndex(folder: string, tags: Record<string, Described>): Promise<void> {
  const manifests = Object.entries(tags).map(([tag, manifest]) => ({
    ...describe(manifest),
    annotations: { [REF_NAME]: tag },
  }))
  await writeFile(join(folder, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }))
  await writeFile(join(folder, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }))
}

function blobFolder(folder: string): string {
  return join(folder, 'blobs', 'sha256')
}

// Pulls an image through a registry as a client would, so that it is there when clients come.
import { setTimeout as pause } from 'node:timers/promises'
import type { Descriptor, Platform } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import { RegistryError } from '../oci/error.ts'
import { isDistributable, parseManifest } from '../oci/manifest.ts'
import { isIndexType } from '../oci/media-type.ts'
import type { Reference } from '../oci/reference.ts'
import type { RepositoryName } from '../oci/repository-name.ts'
import type { Registry, RequestContext } from './registry.ts'

export interface WarmUpOptions {
  readonly repository: RepositoryName
  readonly reference: Reference
  /** Which images of an index; empty: all of them. */
  readonly platforms: readonly Platform[]
  readonly context: RequestContext
}

/** How far it is. Bytes are those of blobs, as the manifests announce them. */
export interface WarmUpStep {
  readonly blobs: number
  readonly doneBlobs: number
  readonly bytes: number
  readonly doneBytes: number
}

export interface WarmUpReport {
  readonly digest: Digest
  readonly manifests: number
  readonly blobs: number
  readonly bytes: number
  /** Of these, the blobs that were not here before. */
  readonly fetchedBlobs: number
  readonly fetchedBytes: number
}

const BLOBS_AT_ONCE = 3
const STEP_MS = 200
/** A nested index of indexes is somebody's joke. */
const MAX_MANIFESTS = 1000

/** What is here already is not fetched again: after an interruption it goes on where it was. */
export async function* warmUp(
  registry: Registry,
  options: WarmUpOptions,
): AsyncGenerator<WarmUpStep, WarmUpReport, void> {
  const { digest, manifests, blobs } = await manifestsOf(registry, options)
  const work = new BlobPulls(registry, options, blobs)
  let isRunning = true
  const done = work.run().finally(() => (isRunning = false))
  // It is awaited below; when the caller leaves before, nobody is there to hear of its failure.
  done.catch(() => undefined)
  while (isRunning) {
    yield work.step()
    await Promise.race([done, pause(STEP_MS)])
  }
  await done
  yield work.step()
  const { fetchedBlobs, fetchedBytes } = work
  const { bytes } = work.step()
  return { digest, manifests, blobs: blobs.length, bytes, fetchedBlobs, fetchedBytes }
}

class BlobPulls {
  readonly #registry: Registry
  readonly #options: WarmUpOptions
  readonly #blobs: readonly Descriptor[]
  readonly #bytes: number
  #doneBlobs = 0
  #doneBytes = 0
  fetchedBlobs = 0
  fetchedBytes = 0

  constructor(registry: Registry, options: WarmUpOptions, blobs: readonly Descriptor[]) {
    this.#registry = registry
    this.#options = options
    this.#blobs = blobs
    this.#bytes = blobs.reduce((sum, { size }) => sum + size, 0)
  }

  step(): WarmUpStep {
    const [blobs, bytes] = [this.#blobs.length, this.#bytes]
    return { blobs, doneBlobs: this.#doneBlobs, bytes, doneBytes: this.#doneBytes }
  }

  async run(): Promise<void> {
    const waiting = this.#blobs.values()
    const pullAll = async (): Promise<void> => {
      for (const blob of waiting) await this.#pull(blob)
    }
    await Promise.all(Array.from({ length: BLOBS_AT_ONCE }, pullAll))
  }

  async #pull({ digest, size }: Descriptor): Promise<void> {
    const { repository, context } = this.#options
    context.signal.throwIfAborted()
    const known = await this.#registry.statBlob(repository, digest, context)
    if (known.cache === 'hit') this.#doneBytes += size
    else await this.#fetch(digest)
    this.#doneBlobs += 1
  }

  async #fetch(digest: Digest): Promise<void> {
    const { repository, context } = this.#options
    const blob = await this.#registry.openBlob(repository, digest, context)
    try {
      const body = await blob.read()
      for await (const chunk of body as AsyncIterable<Uint8Array>) {
        context.signal.throwIfAborted() // leaving the loop lets go of the body
        this.#doneBytes += chunk.length
        if (blob.cache === 'miss') this.fetchedBytes += chunk.length
      }
      if (blob.cache === 'miss') this.fetchedBlobs += 1
    } finally {
      blob.release()
    }
  }
}

/** The manifest, those of its images that are wanted, and their blobs, each once. */
async function manifestsOf(
  registry: Registry,
  { repository, reference, platforms, context }: WarmUpOptions,
): Promise<{ digest: Digest; manifests: number; blobs: Descriptor[] }> {
  const blobs = new Map<Digest, Descriptor>()
  const seen = new Set<Digest>()
  const visit = async (asked: Reference, isTop: boolean): Promise<Digest> => {
    context.signal.throwIfAborted()
    const { manifest } = await registry.getManifest(repository, asked, context)
    seen.add(manifest.digest)
    if (seen.size > MAX_MANIFESTS)
      throw new RegistryError('MANIFEST_INVALID', `the index leads to more than ${MAX_MANIFESTS} manifests`)
    const parsed = parseManifest(manifest.bytes, manifest.mediaType)
    for (const blob of parsed.blobs.filter(isDistributable)) blobs.set(blob.digest, blob)
    const children = parsed.manifests.filter((child) => isWanted(child, platforms))
    if (isTop && isIndexType(manifest.mediaType)) requireAll(parsed.manifests, platforms)
    for (const child of children) if (!seen.has(child.digest)) await visit(child.digest, false)
    return manifest.digest
  }
  const digest = await visit(reference, true)
  return { digest, manifests: seen.size, blobs: [...blobs.values()] }
}

function isWanted({ platform }: Descriptor, wanted: readonly Platform[]): boolean {
  return wanted.length === 0 || wanted.some((each) => platform !== undefined && fits(platform, each))
}

/** A variant counts where it was asked for. */
function fits(platform: Platform, { os, architecture, variant }: Platform): boolean {
  const isSame = platform.os === os && platform.architecture === architecture
  return isSame && (variant === undefined || platform.variant === variant)
}

function requireAll(children: readonly Descriptor[], wanted: readonly Platform[]): void {
  const missing = wanted.find((each) => !children.some((child) => isWanted(child, [each])))
  if (missing === undefined) return
  const { os, architecture, variant } = missing
  const name = [os, architecture, ...(variant === undefined ? [] : [variant])].join('/')
  throw new RegistryError('MANIFEST_UNKNOWN', `there is no image for ${name}`)
}

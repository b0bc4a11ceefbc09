// Pushes, mounts, pulls, deletes and collections at random, side by side: nothing that is kept may miss a part.
import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { test } from 'node:test'
import { walkRevisions, walkTags } from '../../../../src/core/content/store-walk.ts'
import { RegistryError } from '../../../../src/oci/error.ts'
import { parseManifest } from '../../../../src/oci/manifest.ts'
import type { Tag } from '../../../../src/oci/reference.ts'
import type { RepositoryName } from '../../../../src/oci/repository-name.ts'
import { contentOf, imageOf, indexOf, type Content, type Image, type Index } from '../../../support/images.ts'
import { repository, tag } from '../../content/content.ts'
import { bodyOf, CONTEXT, pushBlob, readBlob } from '../bundled.ts'
import { HOUR, startCollected, type Collected } from './collected.ts'

const REPOSITORIES = ['a', 'b/c'].map(repository)
const TAGS = ['1', '2', '3'].map(tag)
const SHARED = imageOf({ seed: 'shared', layers: 2, layerBytes: 64 })
/** Share their first layer; deleted by digest now and then. */
const IMAGES = Array.from('pqrstuvwxyz').map((seed) => withLayerOf(imageOf({ seed, layerBytes: 64 }), SHARED))
/** Pushed as parts of an index alone, so that no client takes them out of it. */
const INDEXES = ['m', 'n'].map((seed) =>
  indexOf([1, 2].map((part) => imageOf({ seed: `${seed}${part}`, layerBytes: 64 }))),
)

test('within the grace no push ever fails, and everything kept is whole', async (t) => {
  const world = new World(await startCollected(t, { graceMs: HOUR }), 20_260_101)
  await world.run({ steps: 40, workers: 6, isPatient: true })
  assert.deepEqual(world.refusals, [])
  assert.ok(world.removed > 5, `only ${world.removed} things were removed`)
  await assertWhole(world.store, { withIndexes: true })
})

test('with hardly any grace a push may have to be repeated, but what it is told was kept is whole', async (t) => {
  const world = new World(await startCollected(t, { graceMs: 1 }), 7)
  await world.run({ steps: 40, workers: 6, isPatient: false })
  assert.ok(world.removed > 5, `only ${world.removed} things were removed`)
  assert.deepEqual(
    [...new Set(world.refusals)].filter((code) => code !== 'MANIFEST_BLOB_UNKNOWN'),
    [],
  )
  await assertWhole(world.store, { withIndexes: false })
})

class World {
  readonly store: Collected
  /** The codes of pushes that were refused. */
  readonly refusals: string[] = []
  /** Manifests and blobs that collections removed. */
  removed = 0
  readonly #random: () => number
  readonly #pushes = new Set<Promise<void>>()
  #gate = Promise.resolve()

  constructor(store: Collected, seed: number) {
    this.store = store
    this.#random = randomOf(seed)
  }

  /** With patience, no time passes while a push is under way: each is quicker than the grace. */
  async run({ steps, workers, isPatient }: { steps: number; workers: number; isPatient: boolean }) {
    let isOver = false
    const collecting = async () => {
      while (!isOver) {
        await this.#letTimePass(isPatient)
        await this.#collect()
      }
    }
    const working = async () => {
      for (let step = 0; step < steps; step += 1) await this.#step()
    }
    const collected = collecting()
    try {
      await Promise.all(Array.from({ length: workers }, working))
    } finally {
      isOver = true
      await collected
    }
  }

  /** Runs overlap with pushes in any case; with patience, hours pass only between pushes. */
  async #letTimePass(isPatient: boolean): Promise<void> {
    const gate = Promise.withResolvers<void>()
    if (isPatient) {
      this.#gate = gate.promise
      await Promise.all(this.#pushes)
    }
    this.store.pass(3 * HOUR)
    gate.resolve()
    await turn()
  }

  async #step(): Promise<void> {
    const name = this.#one(REPOSITORIES)
    const image = this.#one(IMAGES)
    const { registry } = this.store
    const roll = this.#random()
    if (roll < 0.35)
      return this.#push(() => this.#pushImage(name, image, this.#one([...TAGS, undefined, undefined])))
    if (roll < 0.55) return this.#push(() => this.#pushIndex(name, this.#one(INDEXES), this.#one(TAGS)))
    if (roll < 0.7) return ignoring(() => registry.deleteManifest(name, this.#one(TAGS), CONTEXT))
    if (roll < 0.8) return ignoring(() => registry.deleteManifest(name, image.manifest.digest, CONTEXT))
    await ignoring(() => this.#pull(name, this.#one(TAGS)))
  }

  async #push(work: () => Promise<void>): Promise<void> {
    await this.#gate
    const pushed = work().catch((error: unknown) => {
      if (!(error instanceof RegistryError)) throw error
      this.refusals.push(error.code)
    })
    this.#pushes.add(pushed)
    await pushed
    this.#pushes.delete(pushed)
  }

  async #pushImage(name: RepositoryName, { blobs, manifest }: Image, as: Tag | undefined) {
    for (const blob of blobs) await this.#offer(name, blob)
    await this.store.registry.putManifest(name, as ?? manifest.digest, bodyOf(manifest), CONTEXT)
  }

  async #pushIndex(name: RepositoryName, { images, manifest }: Index, as: Tag) {
    for (const image of images) {
      // As clients do: what is there already is not pushed again.
      const isThere = await succeeds(() =>
        this.store.registry.getManifest(name, image.manifest.digest, CONTEXT),
      )
      if (!isThere) await this.#pushImage(name, image, undefined)
    }
    await this.store.registry.putManifest(name, as, bodyOf(manifest), CONTEXT)
  }

  /** Asks for the blob first, then tries to mount it, then sends it. */
  async #offer(name: RepositoryName, blob: Content): Promise<void> {
    const { registry, uploads } = this.store
    if (await succeeds(() => registry.statBlob(name, blob.digest, CONTEXT))) return
    if (this.#random() < 0.5 && (await uploads.mount(name, blob.digest, this.#one(REPOSITORIES), CONTEXT)))
      return
    await pushBlob(this.store, name, blob)
  }

  async #pull(name: RepositoryName, as: Tag): Promise<void> {
    const { manifest } = await this.store.registry.getManifest(name, as, CONTEXT)
    for (const { digest } of parseManifest(manifest.bytes, manifest.mediaType).blobs)
      await readBlob(this.store, name, digest)
  }

  /** One run; now and then it is stopped in the middle. */
  async #collect(): Promise<void> {
    const stop = new AbortController()
    const untagged = this.#random() < 0.7
    try {
      const options = { dryRun: false, untagged, signal: stop.signal }
      for await (const step of this.store.collector.collect(options)) {
        if ('manifest' in step || 'blob' in step) this.removed += 1
        if (this.#random() < 0.02) stop.abort()
      }
    } catch (error) {
      if (!stop.signal.aborted) throw error
    }
  }

  #one<Item>(items: readonly Item[]): Item {
    return items[Math.floor(this.#random() * items.length)] as Item // below the length
  }
}

/** Tags have manifests, manifests their blobs, and indexes their manifests. */
async function assertWhole({ content, registry }: Collected, { withIndexes }: { withIndexes: boolean }) {
  for (const name of REPOSITORIES) {
    for await (const each of walkTags(content.driver, name)) await registry.getManifest(name, each, CONTEXT)
    for await (const digest of walkRevisions(content.driver, name)) {
      const manifest = await content.manifests.read(name, digest)
      if (manifest === undefined) continue
      const { blobs, manifests } = parseManifest(manifest.bytes, manifest.mediaType)
      for (const blob of blobs)
        assert.ok(await content.blobs.find(name, blob.digest), `${digest} in ${name} misses ${blob.digest}`)
      for (const child of withIndexes ? manifests : [])
        assert.ok(
          await content.manifests.has(name, child.digest),
          `${digest} in ${name} misses ${child.digest}`,
        )
    }
  }
}

async function succeeds(work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work()
    return true
  } catch (error) {
    if (error instanceof RegistryError && error.status === 404) return false
    throw error
  }
}

/** Others delete at the same time: what is gone cannot be deleted or pulled. */
async function ignoring(work: () => Promise<unknown>): Promise<void> {
  await succeeds(work)
}

function withLayerOf(image: Image, other: Image): Image {
  const layers = [...other.layers.slice(0, 1), ...image.layers]
  const json: object = JSON.parse(image.manifest.bytes.toString())
  const described = layers.map(({ mediaType, digest, size }) => ({ mediaType, digest, size }))
  const bytes = Buffer.from(JSON.stringify({ ...json, layers: described }))
  return {
    ...image,
    layers,
    blobs: [image.config, ...layers],
    manifest: contentOf(image.manifest.mediaType, bytes),
  }
}

/** Numbers from 0 to 1, the same for the same seed (xorshift). */
function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
}

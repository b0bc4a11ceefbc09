// Pushes, pulls and deletes at four workers while garbage is collected all the time: what a client was told stays.
import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { imageOf, type Image } from '../../support/images.ts'
import { fileScope } from '../../support/scope.ts'
import { PushingClient, randomOf } from './pushing-client.ts'

const SEED = Number(process.env['DOCKGATE_TEST_SEED'] ?? Math.floor(Math.random() * 1e9) + 1)
const GRACE_MS = 1500
const RUN_MS = 6000
/** For a run in which nothing was old enough to go yet. */
const PATIENCE_MS = 60_000
const CLIENTS = 3
const REPOSITORY = 'team/app'
/** Worked on in turns, so that what is left of a group's last turn is old enough to go about when its next one comes. */
const GROUPS = Array.from({ length: 10 }, (_, group) =>
  Array.from({ length: 4 }, (_, at) => imageOf({ seed: `image ${group}.${at}`, layerBytes: 64 })),
)
const TURN_MS = (1.4 * GRACE_MS) / (GROUPS.length - 1)

const scope = fileScope()
let client: PushingClient
before(async () => {
  client = await PushingClient.start(scope, {
    access: [
      { repositories: ['**'], push: ['alice'], delete: ['alice'] },
      { catalog: ['alice'], admin: ['alice'] },
    ],
    stores: { main: { filesystem: { root: 'data' }, gc: { grace: `${GRACE_MS}ms` } } },
    logging: { format: 'json', level: 'warn' },
  })
})

test('a blob that one worker after the other says is there outlives those of its age', async () => {
  const [asked, forgotten] = [imageOf({ seed: 'asked for' }), imageOf({ seed: 'forgotten' })]
  for (const image of [asked, forgotten]) await client.offerBlobs(REPOSITORY, image)
  const isForgotten = (digest: string) => forgotten.blobs.some((blob) => blob.digest === digest)
  const waiting = new Set<string>(forgotten.blobs.map(({ digest }) => digest))
  const asking = async () => {
    while (waiting.size > 0)
      for (const { digest } of asked.blobs)
        assert.equal((await client.ask(`${REPOSITORY}/blobs/${digest}`, { method: 'HEAD' })).status, 200)
  }
  const collecting = async () => {
    while (waiting.size > 0)
      for (const digest of await collect(client))
        if (!isForgotten(digest) || !waiting.delete(digest)) assert.fail(`${digest} was collected`)
  }
  await Promise.all([asking(), collecting()])
  assert.equal((await client.putManifest(REPOSITORY, 'kept', asked.manifest)).status, 201)
})

test(`no worker’s word is broken by a collection (seed ${SEED})`, async () => {
  const world = new World(client)
  await world.run()
  assert.deepEqual(world.broken, [])
  assert.ok(world.removed > 0, 'nothing was collected')
  assert.ok(world.kept > 0, 'nothing was promised')
})

/** Digests of what was removed; none as long as it is refused, soon after the start. */
async function collect(at: PushingClient): Promise<string[]> {
  const answer = await at.adminPost('stores/main/gc', { untagged: true })
  if (answer.status === 503) return []
  const lines = answer.text().trim().split('\n')
  assert.match(lines.at(-1) ?? '', /^{"result":/)
  return lines.flatMap((line) => /"blob":"([^"]+)"/.exec(line)?.[1] ?? [])
}

class World {
  /** Promises that were broken within the grace. */
  readonly broken: string[] = []
  removed = 0
  kept = 0
  readonly #client: PushingClient
  readonly #random = randomOf(SEED)
  readonly #startedAt = performance.now()

  constructor(client: PushingClient) {
    this.#client = client
  }

  async run(): Promise<void> {
    const pushing = Array.from({ length: CLIENTS }, () => this.#repeat(() => this.#step()))
    await Promise.all([...pushing, this.#repeat(() => this.#collect())])
  }

  async #repeat(work: () => Promise<void>): Promise<void> {
    while (!this.#isOver()) await work()
  }

  #isOver(): boolean {
    return this.#elapsedMs() > (this.removed > 0 ? RUN_MS : PATIENCE_MS)
  }

  #elapsedMs(): number {
    return performance.now() - this.#startedAt
  }

  async #step(): Promise<void> {
    const group = GROUPS[Math.floor(this.#elapsedMs() / TURN_MS) % GROUPS.length] as Image[] // below the length
    const image = group[Math.floor(this.#random() * group.length)] as Image // below the length
    const roll = this.#random()
    if (roll < 0.5) await this.#push(image)
    else if (roll < 0.7) await this.#pull(image)
    else await this.#client.ask(`${REPOSITORY}/manifests/${image.manifest.digest}`, { method: 'DELETE' })
  }

  /** One worker says that the blobs are there, or takes them; another one gets the manifest. */
  async #push(image: Image): Promise<void> {
    const toldAt = performance.now()
    await this.#client.offerBlobs(REPOSITORY, image)
    const answer = await this.#client.putManifest(REPOSITORY, image.manifest.digest, image.manifest)
    this.#count(toldAt, answer.status === 201, `push: ${answer.status} ${answer.text()}`)
  }

  /** One worker shows the manifest, the others have what it names. */
  async #pull({ manifest, blobs }: Image): Promise<void> {
    const toldAt = performance.now()
    const found = await this.#client.ask(`${REPOSITORY}/manifests/${manifest.digest}`)
    if (found.status !== 200) return
    for (const { digest, bytes } of blobs) {
      const { status, body } = await this.#client.ask(`${REPOSITORY}/blobs/${digest}`)
      this.#count(toldAt, status === 200 && body.equals(bytes), `pull: ${status}`)
    }
  }

  /** Who is slower than the grace was promised nothing. */
  #count(toldAt: number, isKept: boolean, what: string): void {
    const tookMs = performance.now() - toldAt
    if (isKept) this.kept += 1
    else if (tookMs < GRACE_MS) this.broken.push(`${what} after ${Math.round(tookMs)} ms`)
  }

  async #collect(): Promise<void> {
    this.removed += (await collect(this.#client)).length
  }
}

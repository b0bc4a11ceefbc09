// Random writes to a gateway with four workers, one after the other: each worker answers as the model says, at once.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { writeConfig } from '../../support/gateway.ts'
import { imageOf } from '../../support/images.ts'
import { until } from '../../support/until.ts'
import { PushingClient, randomOf } from './pushing-client.ts'

const SEED = Number(process.env['DOCKGATE_TEST_SEED'] ?? Math.floor(Math.random() * 1e9) + 1)
const STEPS = 30

const REPOSITORIES = ['team/a', 'team/b']
const TAGS = ['1', '2', '3']
const IMAGES = ['p', 'q', 'r', 's'].map((seed) => imageOf({ seed, layerBytes: 64 }))

const CONFIG = {
  workers: 4,
  listen: [{ address: '127.0.0.1:0' }],
  stores: { main: { filesystem: { root: 'data' }, gc: { grace: '500ms' } } },
}
const TOKENS = { repositories: ['**'], pull: ['robot:ci'] }
const ALICES = [
  { repositories: ['**'], pull: ['alice'], push: ['alice'], delete: ['alice'] },
  { catalog: ['alice'], admin: ['alice'] },
]

test(`every worker answers what was written last (seed ${SEED})`, async (t) => {
  const world = new World(await PushingClient.start(t, { ...CONFIG, access: [...ALICES, TOKENS] }))
  for (let step = 0; step < STEPS; step += 1) {
    const what = await world.step()
    await world.check(`step ${step}: ${what}`)
  }
})

class World {
  readonly #client: PushingClient
  readonly #random = randomOf(SEED)
  /** `repository:tag` → digest. */
  readonly #tags = new Map<string, string>()
  /** `repository@digest`. */
  readonly #manifests = new Set<string>()
  /** Tokens that were made: whether each still holds. */
  readonly #tokens = new Map<string, { readonly id: string; isGood: boolean }>()
  /** Who of the others may pull what. */
  #bobs: string | undefined

  constructor(client: PushingClient) {
    this.#client = client
  }

  /** Does something and says what. */
  async step(): Promise<string> {
    const roll = this.#random()
    if (roll < 0.4) return this.#push()
    if (roll < 0.5) return this.#deleteTag()
    if (roll < 0.6) return this.#deleteManifest()
    if (roll < 0.7) return this.#collect()
    if (roll < 0.82) return this.#makeToken()
    if (roll < 0.9) return this.#revokeToken()
    return this.#changeGrants()
  }

  /** Asks every worker for everything. */
  async check(after: string): Promise<void> {
    for (const repository of REPOSITORIES) {
      for (const tag of TAGS)
        await this.#checkManifest(repository, tag, this.#tags.get(`${repository}:${tag}`), after)
      for (const { manifest } of IMAGES) {
        const expected = this.#manifests.has(`${repository}@${manifest.digest}`) ? manifest.digest : undefined
        await this.#checkManifest(repository, manifest.digest, expected, after)
      }
    }
    for (const [token, { isGood }] of this.#tokens) {
      const account = { username: 'robot:ci', password: token }
      const statuses = (await this.#client.askAll('', { account })).map(({ status }) => status)
      assert.deepEqual(new Set(statuses), new Set([isGood ? 200 : 401]), `${after}: a token`)
    }
    const account = { username: 'bob', password: 'bob-secret' }
    for (const repository of REPOSITORIES) {
      const path = `${repository}/blobs/${IMAGES[0]?.config.digest}`
      const answers = await this.#client.askAll(path, { account, method: 'HEAD' })
      const isAllowed = answers.map(({ status }) => status !== 403)
      assert.deepEqual(new Set(isAllowed), new Set([repository === this.#bobs]), `${after}: bob's grant`)
    }
  }

  async #checkManifest(repository: string, reference: string, expected: string | undefined, after: string) {
    const answers = await this.#client.askAll(`${repository}/manifests/${reference}`, { method: 'HEAD' })
    const found = answers.map(({ status, headers }) =>
      status === 200 ? headers['docker-content-digest'] : status,
    )
    assert.deepEqual(new Set(found), new Set([expected ?? 404]), `${after}: ${repository} ${reference}`)
  }

  async #push(): Promise<string> {
    const [repository, tag, image] = [this.#one(REPOSITORIES), this.#one(TAGS), this.#one(IMAGES)]
    await this.#client.push(repository, tag, image)
    this.#manifests.add(`${repository}@${image.manifest.digest}`)
    this.#tags.set(`${repository}:${tag}`, image.manifest.digest)
    return `push ${repository}:${tag}`
  }

  async #deleteTag(): Promise<string> {
    const [repository, tag] = [this.#one(REPOSITORIES), this.#one(TAGS)]
    if (!this.#tags.delete(`${repository}:${tag}`)) return 'nothing'
    await this.#client.remove(repository, tag)
    return `delete ${repository}:${tag}`
  }

  async #deleteManifest(): Promise<string> {
    const [repository, { manifest }] = [this.#one(REPOSITORIES), this.#one(IMAGES)]
    if (!this.#manifests.delete(`${repository}@${manifest.digest}`)) return 'nothing'
    await this.#client.remove(repository, manifest.digest)
    for (const [name, digest] of this.#tags)
      if (digest === manifest.digest && name.startsWith(`${repository}:`)) this.#tags.delete(name)
    return `delete ${repository}@${manifest.digest}`
  }

  /** What no tag keeps may go or stay; but for all workers alike. */
  async #collect(): Promise<string> {
    const untagged = this.#random() < 0.5
    const removed = await this.#client.collect(untagged)
    for (const name of untagged ? [...this.#manifests] : []) {
      const [repository = '', digest = ''] = name.split('@')
      const isTagged = TAGS.some((tag) => this.#tags.get(`${repository}:${tag}`) === digest)
      if (isTagged) continue
      const { status } = await this.#client.ask(`${repository}/manifests/${digest}`, { method: 'HEAD' })
      if (status === 404) this.#manifests.delete(name)
    }
    return `collect${untagged ? ' untagged' : ''}: ${removed} blobs`
  }

  async #makeToken(): Promise<string> {
    const request = { for: 'ci', robot: true, expiresAt: null }
    const answer = await this.#client.adminPost('tokens', request)
    assert.equal(answer.status, 201, answer.text())
    const { token, id } = answer.json<{ token: string; id: string }>()
    this.#tokens.set(token, { id, isGood: true })
    return 'make a token'
  }

  async #revokeToken(): Promise<string> {
    const known = [...this.#tokens.values()].find(({ isGood }) => isGood)
    if (!known) return 'nothing'
    const answer = await this.#client.admin(`tokens/${known.id}`, { method: 'DELETE' })
    assert.equal(answer.status, 200, answer.text())
    known.isGood = false
    return 'revoke a token'
  }

  async #changeGrants(): Promise<string> {
    this.#bobs = this.#one([...REPOSITORIES, undefined])
    const bobs = this.#bobs === undefined ? [] : [{ repositories: [this.#bobs], pull: ['bob'] }]
    await writeConfig(this.#client.gateway.configFile, { ...CONFIG, access: [...ALICES, TOKENS, ...bobs] })
    // One that began before may have read the file as it was: the one behind it has not.
    for (let round = 0; round < 2; round += 1) await this.#reload()
    return `bob may pull ${this.#bobs}`
  }

  async #reload(): Promise<void> {
    const { program } = this.#client.gateway
    // Each line holds its time.
    const lastEnd = () =>
      program
        .output()
        .split('\n')
        .findLast((line) => line.includes('reload has ended'))
    const before = lastEnd()
    program.signal('SIGHUP')
    await until('the reload has ended', () => lastEnd() !== before)
  }

  #one<Item>(items: readonly Item[]): Item {
    return items[Math.floor(this.#random() * items.length)] as Item // below the length
  }
}

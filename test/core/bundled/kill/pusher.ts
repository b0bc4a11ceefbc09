// A client that pushes, tags, mounts and deletes at random until its registry is killed, and writes down what was answered.
import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { send, type Answer, type RequestOptions } from '../../../support/http.ts'
import { blobOf, bytesOf, imageManifestOf, type Blob, type Dice, type ImageManifest } from './contents.ts'
import { ABSENT, PRESENT, type Ledger } from './ledger.ts'

/** The registry is gone: what the request did is not known. */
export class CutOffError extends Error {
  override readonly name = 'CutOffError'
}

/** An upload session that was begun. */
export interface Upload {
  readonly repository: string
  readonly path: string
  readonly blob: Blob
  /** Bytes that were acknowledged, and the most that may have arrived. */
  acknowledged: number
  sent: number
  /** The request that ends it went out. */
  ending?: 'finish' | 'cancel'
}

export interface PusherOptions {
  readonly name: string
  readonly dice: Dice
  readonly ledger: Ledger
}

const PIECE_BYTES = 16 * 1024
const TAGS = ['latest', 'v1', 'v2', 'edge']

/** Works in two repositories of its own; its state lives on over kills. */
export class Pusher {
  readonly repositories: readonly string[]
  readonly blobs = new Map<string, Blob>()
  readonly manifests = new Map<string, ImageManifest>()
  uploads: Upload[] = []
  readonly #options: PusherOptions
  #url = ''
  #count = 0

  constructor(options: PusherOptions) {
    this.#options = options
    this.repositories = [`kill/${options.name}`, `kill/${options.name}/deeper`]
  }

  /** Works until the connection breaks. Rejects when an answer is wrong. */
  async work(url: string): Promise<void> {
    this.#url = url
    try {
      for (;;) await this.#step()
    } catch (error) {
      if (!(error instanceof CutOffError)) throw error
    }
  }

  async #step(): Promise<void> {
    const { dice } = this.#options
    const repository = dice.pick(this.repositories) ?? ''
    const kind = dice.next()
    if (kind < 0.45) return this.#pushBlob(repository)
    if (kind < 0.6) return this.#resume()
    if (kind < 0.82) return this.#pushManifest(repository)
    if (kind < 0.9) return this.#mount(repository)
    if (kind < 0.93) return this.#deleteTag(repository)
    return kind < 0.97 ? this.#deleteManifest(repository) : this.#deleteBlob(repository)
  }

  async #pushBlob(repository: string): Promise<void> {
    const { dice } = this.#options
    const blob = this.#newBlob()
    if (dice.next() < 0.25) return this.#pushWhole(repository, blob)
    const started = await this.#ask(`/v2/${repository}/blobs/uploads/`, { method: 'POST' })
    assert.equal(started.status, 202, started.text())
    const { pathname } = new URL(started.headers.location ?? '', this.#url)
    const upload: Upload = { repository, path: pathname, blob, acknowledged: 0, sent: 0 }
    this.uploads.push(upload)
    if (dice.next() < 0.15) return // left lying, for a later resume
    await this.#continue(upload)
  }

  async #pushWhole(repository: string, blob: Blob): Promise<void> {
    const key = blobKey(repository, blob)
    this.#options.ledger.attempt(key, PRESENT)
    const path = `/v2/${repository}/blobs/uploads/?digest=${blob.digest}`
    const answer = await this.#ask(path, { method: 'POST', body: this.#body(blob, 0, blob.size) })
    assert.equal(answer.status, 201, answer.text())
    this.#options.ledger.settle(key, PRESENT)
  }

  async #resume(): Promise<void> {
    const upload = this.#options.dice.pick(this.uploads)
    if (upload) await this.#continue(upload)
  }

  async #continue(upload: Upload): Promise<void> {
    const { dice } = this.#options
    const { blob } = upload
    while (upload.acknowledged < blob.size && dice.next() < 0.8) {
      const end = dice.next() < 0.3 ? blob.size : dice.between(upload.acknowledged + 2, blob.size + 1)
      await this.#append(upload, Math.min(Math.max(end, upload.acknowledged), blob.size))
      if (dice.next() < 0.1) return
    }
    await (dice.next() < 0.05 ? this.#cancel(upload) : this.#finish(upload))
  }

  async #append(upload: Upload, end: number): Promise<void> {
    const { dice } = this.#options
    const start = upload.acknowledged
    upload.sent = Math.max(upload.sent, end)
    const range = { 'content-range': `${start}-${end - 1}` }
    const body = this.#body(upload.blob, start, end)
    const headers = dice.next() < 0.5 && end > start ? range : {}
    const answer = await this.#ask(upload.path, { method: 'PATCH', body, headers })
    assert.equal(answer.status, 202, answer.text())
    assert.equal(answer.headers.range, `0-${Math.max(0, end - 1)}`)
    upload.acknowledged = end
  }

  async #finish(upload: Upload): Promise<void> {
    const { ledger } = this.#options
    const { blob, repository, acknowledged } = upload
    const key = blobKey(repository, blob)
    ledger.attempt(key, PRESENT)
    upload.sent = blob.size
    upload.ending = 'finish'
    const rest = acknowledged < blob.size ? { body: this.#body(blob, acknowledged, blob.size) } : {}
    const answer = await this.#ask(`${upload.path}?digest=${blob.digest}`, { method: 'PUT', ...rest })
    assert.equal(answer.status, 201, answer.text())
    ledger.settle(key, PRESENT)
    this.uploads = this.uploads.filter((each) => each !== upload)
  }

  async #cancel(upload: Upload): Promise<void> {
    upload.ending = 'cancel'
    const answer = await this.#ask(upload.path, { method: 'DELETE' })
    assert.equal(answer.status, 204, answer.text())
    this.uploads = this.uploads.filter((each) => each !== upload)
  }

  async #pushManifest(repository: string): Promise<void> {
    const { dice, ledger } = this.#options
    const [config, ...layers] = this.#held(repository).slice(-dice.between(2, 5))
    if (config === undefined) return
    const manifest = imageManifestOf(config, layers)
    const byDigest = dice.next() < 0.3
    const tags = byDigest ? TAGS.filter(() => dice.next() < 0.5) : [dice.pick(TAGS) ?? '']
    this.manifests.set(manifest.digest, manifest)
    ledger.attempt(manifestKey(repository, manifest), PRESENT)
    for (const tag of tags) ledger.attempt(tagKey(repository, tag), manifest.digest)
    const reference = byDigest ? `${manifest.digest}?${tags.map((tag) => `tag=${tag}`).join('&')}` : tags[0]
    const headers = { 'content-type': manifest.mediaType }
    const path = `/v2/${repository}/manifests/${reference}`
    const answer = await this.#ask(path, { method: 'PUT', body: manifest.bytes, headers })
    assert.equal(answer.status, 201, answer.text())
    ledger.settle(manifestKey(repository, manifest), PRESENT)
    for (const tag of tags) ledger.settle(tagKey(repository, tag), manifest.digest)
  }

  async #mount(repository: string): Promise<void> {
    const { dice, ledger } = this.#options
    const from = this.repositories.find((each) => each !== repository) ?? ''
    const blob = dice.pick(this.#held(from))
    if (blob === undefined) return
    ledger.attempt(blobKey(repository, blob), PRESENT)
    const path = `/v2/${repository}/blobs/uploads/?mount=${blob.digest}&from=${from}`
    const answer = await this.#ask(path, { method: 'POST' })
    assert.equal(answer.status, 201, answer.text())
    ledger.settle(blobKey(repository, blob), PRESENT)
  }

  async #deleteTag(repository: string): Promise<void> {
    const { dice, ledger } = this.#options
    const tag = dice.pick(TAGS) ?? ''
    const key = tagKey(repository, tag)
    const before = ledger.possible(key)
    ledger.attempt(key, ABSENT)
    const answer = await this.#ask(`/v2/${repository}/manifests/${tag}`, { method: 'DELETE' })
    assert.ok(answer.status === 202 || before.has(ABSENT), `${answer.status} ${answer.text()}`)
    ledger.settle(key, ABSENT)
  }

  async #deleteManifest(repository: string): Promise<void> {
    const { dice, ledger } = this.#options
    const manifest = dice.pick(
      [...this.manifests.values()].filter((each) => ledger.is(manifestKey(repository, each), PRESENT)),
    )
    if (manifest === undefined) return
    const tags = TAGS.map((tag) => tagKey(repository, tag)).filter((key) =>
      ledger.possible(key).has(manifest.digest),
    )
    ledger.attempt(manifestKey(repository, manifest), ABSENT)
    for (const key of tags) ledger.attempt(key, ABSENT)
    const path = `/v2/${repository}/manifests/${manifest.digest}`
    const answer = await this.#ask(path, { method: 'DELETE' })
    assert.equal(answer.status, 202, answer.text())
    ledger.settle(manifestKey(repository, manifest), ABSENT)
    for (const key of tags) ledger.settle(key, ABSENT)
  }

  /** Only a blob that no manifest of the repository may name: the others are promised to be readable. */
  async #deleteBlob(repository: string): Promise<void> {
    const { dice, ledger } = this.#options
    const named = new Set(
      [...this.manifests.values()]
        .filter((manifest) => ledger.possible(manifestKey(repository, manifest)).has(PRESENT))
        .flatMap((manifest) => manifest.blobs.map(({ digest }) => digest)),
    )
    const blob = dice.pick(this.#held(repository).filter(({ digest }) => !named.has(digest)))
    if (blob === undefined) return
    ledger.attempt(blobKey(repository, blob), ABSENT)
    const answer = await this.#ask(`/v2/${repository}/blobs/${blob.digest}`, { method: 'DELETE' })
    assert.equal(answer.status, 202, answer.text())
    ledger.settle(blobKey(repository, blob), ABSENT)
  }

  #held(repository: string): Blob[] {
    const { ledger } = this.#options
    return [...this.blobs.values()].filter((blob) => ledger.is(blobKey(repository, blob), PRESENT))
  }

  #newBlob(): Blob {
    const { dice, name } = this.#options
    this.#count += 1
    const size = dice.next() < 0.1 ? dice.between(600_000, 2_000_000) : dice.between(2, 120_000)
    const blob = blobOf(`${name}/${this.#count}`, size)
    this.blobs.set(blob.digest, blob)
    return blob
  }

  /** At once with a length, or bit by bit in chunks. */
  #body(blob: Blob, start: number, end: number): Buffer | Readable {
    const bytes = bytesOf(blob).subarray(start, end)
    return this.#options.dice.next() < 0.5 ? bytes : Readable.from(pieces(bytes), { objectMode: false })
  }

  async #ask(path: string, options: RequestOptions): Promise<Answer> {
    try {
      return await send(`${this.#url}${path}`, options)
    } catch (cause) {
      throw new CutOffError('the registry is gone', { cause })
    }
  }
}

export function blobKey(repository: string, { digest }: Pick<Blob, 'digest'>): string {
  return `${repository}/blobs/${digest}`
}

export function manifestKey(repository: string, { digest }: Pick<ImageManifest, 'digest'>): string {
  return `${repository}/manifests/${digest}`
}

export function tagKey(repository: string, tag: string): string {
  return `${repository}/manifests/${tag}`
}

async function* pieces(bytes: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
    yield bytes.subarray(at, at + PIECE_BYTES)
    await turn()
  }
}

// A client of a gateway with workers: each request has a connection of its own, so that the next worker answers it.
import assert from 'node:assert/strict'
import { startGateway, type RunningGateway } from '../../support/gateway.ts'
import { send, type Answer, type RequestOptions } from '../../support/http.ts'
import type { Content, Image } from '../../support/images.ts'
import type { Scope } from '../../support/scope.ts'

export const WORKERS = 4
/** Each process reads all sources. */
const START_MS = 90_000
const ALICE = { username: 'alice', password: 'alice-secret' }

/** Numbers from 0 to 1, the same for the same seed (xorshift). */
export function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
}

export class PushingClient {
  readonly gateway: RunningGateway

  static async start(t: Scope, config: Readonly<Record<string, unknown>>): Promise<PushingClient> {
    const listen = [{ address: '127.0.0.1:0' }]
    // Connections are handed out in turn, so that every worker is asked.
    const env = { NODE_CLUSTER_SCHED_POLICY: 'rr' }
    const options = { config: { workers: WORKERS, listen, ...config }, readyTimeoutMs: START_MS, env }
    return new PushingClient(await startGateway(t, options))
  }

  private constructor(gateway: RunningGateway) {
    this.gateway = gateway
  }

  ask(path: string, options: RequestOptions = {}): Promise<Answer> {
    return send(`${this.gateway.url}/v2/${path}`, { account: ALICE, ...options })
  }

  /** The same request to every worker: connections are handed out in turn. */
  async askAll(path: string, options: RequestOptions = {}): Promise<Answer[]> {
    return Promise.all(Array.from({ length: WORKERS }, () => this.ask(path, options)))
  }

  admin(path: string, options: RequestOptions = {}): Promise<Answer> {
    return send(`${this.gateway.adminUrl}/api/${path}`, { account: ALICE, ...options })
  }

  adminPost(path: string, body: object): Promise<Answer> {
    const headers = { 'Content-Type': 'application/json' }
    return this.admin(path, { method: 'POST', headers, body: JSON.stringify(body) })
  }

  /** Collects garbage; answers the blobs that were removed. */
  async collect(untagged: boolean): Promise<number> {
    const answer = await this.adminPost('stores/main/gc', { untagged })
    assert.equal(answer.status, 200, answer.text())
    const last: unknown = JSON.parse(answer.text().trim().split('\n').at(-1) ?? '')
    assert.ok(typeof last === 'object' && last !== null && 'result' in last, answer.text())
    return (last.result as { removedBlobs: number }).removedBlobs // of the result of a collection
  }

  /** Sends what the registry does not say is there; the chunks of a blob go to different workers. */
  async offerBlobs(repository: string, { blobs }: Image): Promise<void> {
    for (const { digest, bytes } of blobs) {
      if ((await this.ask(`${repository}/blobs/${digest}`, { method: 'HEAD' })).status === 200) continue
      const begun = await this.ask(`${repository}/blobs/uploads/`, { method: 'POST' })
      let place = begun.headers.location ?? ''
      const half = Math.ceil(bytes.length / 2)
      for (const [method, query, body] of [
        ['PATCH', '', bytes.subarray(0, half)],
        ['PATCH', '', bytes.subarray(half)],
        ['PUT', `?digest=${digest}`, Buffer.alloc(0)],
      ] as const) {
        const answer = await send(new URL(place + query, this.gateway.url), {
          method,
          body,
          account: ALICE,
          headers: { 'Content-Type': 'application/octet-stream' },
        })
        assert.ok([201, 202].includes(answer.status), `${method} ${place}: ${answer.status} ${answer.text()}`)
        place = answer.headers.location ?? place
      }
    }
  }

  putManifest(repository: string, reference: string, { mediaType, bytes }: Content): Promise<Answer> {
    const headers = { 'Content-Type': mediaType }
    return this.ask(`${repository}/manifests/${reference}`, { method: 'PUT', headers, body: bytes })
  }

  /** Repeats what was refused because the collector had been quicker. */
  async push(repository: string, reference: string, image: Image): Promise<void> {
    for (;;) {
      await this.offerBlobs(repository, image)
      const answer = await this.putManifest(repository, reference, image.manifest)
      if (answer.status === 201) return
      assert.match(answer.text(), /MANIFEST_BLOB_UNKNOWN/)
    }
  }

  async remove(repository: string, reference: string): Promise<void> {
    const answer = await this.ask(`${repository}/manifests/${reference}`, { method: 'DELETE' })
    assert.equal(answer.status, 202, answer.text())
  }
}

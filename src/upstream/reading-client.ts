// A client that tells which repositories the upstream let it read.
import type { RepositoryName } from '../oci/repository-name.ts'
import type { UpstreamClient } from './client.ts'
import { DelegatingClient, type AnswerOf, type ArgumentsOf } from './delegating-client.ts'

export class ReadingClient extends DelegatingClient {
  protected readonly inner: UpstreamClient
  readonly #onRead: (name: RepositoryName) => Promise<void>

  /** `onRead` is awaited before the answer is: what it keeps, holds from the answer on. */
  constructor(inner: UpstreamClient, onRead: (name: RepositoryName) => Promise<void>) {
    super()
    this.inner = inner
    this.#onRead = onRead
  }

  override getManifest(...args: ArgumentsOf<'getManifest'>): AnswerOf<'getManifest'> {
    return this.#told(args[0], super.getManifest(...args))
  }

  override headManifest(...args: ArgumentsOf<'headManifest'>): AnswerOf<'headManifest'> {
    return this.#told(args[0], super.headManifest(...args))
  }

  override openBlob(...args: ArgumentsOf<'openBlob'>): AnswerOf<'openBlob'> {
    return this.#told(args[0], super.openBlob(...args))
  }

  override statBlob(...args: ArgumentsOf<'statBlob'>): AnswerOf<'statBlob'> {
    return this.#told(args[0], super.statBlob(...args))
  }

  async #told<Answer>(name: RepositoryName, asked: Promise<Answer>): Promise<Answer> {
    const answer = await asked
    await this.#onRead(name)
    return answer
  }
}

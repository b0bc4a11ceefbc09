// What clients that stand before another one have in common: whatever they do not change goes straight through.
import type { UpstreamClient } from './client.ts'

export type ArgumentsOf<Name extends keyof UpstreamClient> = Parameters<
  Extract<UpstreamClient[Name], (...args: never[]) => unknown>
>
export type AnswerOf<Name extends keyof UpstreamClient> = ReturnType<
  Extract<UpstreamClient[Name], (...args: never[]) => unknown>
>

export abstract class DelegatingClient implements UpstreamClient {
  /** Asked anew for every call. */
  protected abstract get inner(): UpstreamClient

  get address(): UpstreamClient['address'] {
    return this.inner.address
  }

  get budget(): UpstreamClient['budget'] {
    return this.inner.budget
  }

  endpoints(): AnswerOf<'endpoints'> {
    return this.inner.endpoints()
  }

  ping(...args: ArgumentsOf<'ping'>): AnswerOf<'ping'> {
    return this.inner.ping(...args)
  }

  getManifest(...args: ArgumentsOf<'getManifest'>): AnswerOf<'getManifest'> {
    return this.inner.getManifest(...args)
  }

  headManifest(...args: ArgumentsOf<'headManifest'>): AnswerOf<'headManifest'> {
    return this.inner.headManifest(...args)
  }

  openBlob(...args: ArgumentsOf<'openBlob'>): AnswerOf<'openBlob'> {
    return this.inner.openBlob(...args)
  }

  statBlob(...args: ArgumentsOf<'statBlob'>): AnswerOf<'statBlob'> {
    return this.inner.statBlob(...args)
  }

  putManifest(...args: ArgumentsOf<'putManifest'>): AnswerOf<'putManifest'> {
    return this.inner.putManifest(...args)
  }

  deleteManifest(...args: ArgumentsOf<'deleteManifest'>): AnswerOf<'deleteManifest'> {
    return this.inner.deleteManifest(...args)
  }

  deleteBlob(...args: ArgumentsOf<'deleteBlob'>): AnswerOf<'deleteBlob'> {
    return this.inner.deleteBlob(...args)
  }

  listTags(...args: ArgumentsOf<'listTags'>): AnswerOf<'listTags'> {
    return this.inner.listTags(...args)
  }

  listRepositories(...args: ArgumentsOf<'listRepositories'>): AnswerOf<'listRepositories'> {
    return this.inner.listRepositories(...args)
  }

  listReferrers(...args: ArgumentsOf<'listReferrers'>): AnswerOf<'listReferrers'> {
    return this.inner.listReferrers(...args)
  }

  close(): Promise<void> {
    return this.inner.close()
  }
}

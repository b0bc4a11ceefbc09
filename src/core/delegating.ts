// What the registries that wrap another one have in common: whatever they do not change goes straight through.
import type { Registry } from './registry.ts'

/** Not `peekManifest`: what may be answered at once is for each of them to say. */
type MethodName = Exclude<keyof Registry, 'uploads' | 'peekManifest'>

export type ArgumentsOf<Name extends MethodName> = Parameters<Registry[Name]>
export type AnswerOf<Name extends MethodName> = ReturnType<Registry[Name]>

export class DelegatingRegistry implements Registry {
  protected readonly inner: Registry

  constructor(inner: Registry) {
    this.inner = inner
  }

  getManifest(...args: ArgumentsOf<'getManifest'>): AnswerOf<'getManifest'> {
    return this.inner.getManifest(...args)
  }

  putManifest(...args: ArgumentsOf<'putManifest'>): AnswerOf<'putManifest'> {
    return this.inner.putManifest(...args)
  }

  deleteManifest(...args: ArgumentsOf<'deleteManifest'>): AnswerOf<'deleteManifest'> {
    return this.inner.deleteManifest(...args)
  }

  statBlob(...args: ArgumentsOf<'statBlob'>): AnswerOf<'statBlob'> {
    return this.inner.statBlob(...args)
  }

  openBlob(...args: ArgumentsOf<'openBlob'>): AnswerOf<'openBlob'> {
    return this.inner.openBlob(...args)
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

  get uploads(): Registry['uploads'] {
    return this.inner.uploads
  }

  close(): Promise<void> {
    return this.inner.close()
  }
}

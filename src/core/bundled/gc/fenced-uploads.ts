// The upload sessions of a store on which a garbage collector works.
import type { Digest } from '../../../oci/digest.ts'
import type { RepositoryName } from '../../../oci/repository-name.ts'
import type { RequestContext, UploadChunk, UploadStore } from '../../registry.ts'
import type { Fence } from './fence.ts'

/** A blob that a push ends with, or is spared by, stays for the grace: time enough for the manifest that names it. */
export class FencedUploads implements UploadStore {
  readonly #inner: UploadStore
  readonly #fence: Fence

  constructor(inner: UploadStore, fence: Fence) {
    this.#inner = inner
    this.#fence = fence
  }

  finish(
    repository: RepositoryName,
    id: string,
    digest: Digest,
    chunk: UploadChunk | undefined,
    context: RequestContext,
  ): Promise<void> {
    // Where the blob is here already it is not written again: it must not go before the repository has its link.
    return this.#fence.during([digest], () => this.#inner.finish(repository, id, digest, chunk, context))
  }

  mount: UploadStore['mount'] = (repository, digest, from, context) =>
    this.#linking(digest, () => this.#inner.mount(repository, digest, from, context))

  mountFromAny: UploadStore['mountFromAny'] = (repository, digest, mayPull, context) =>
    this.#linking(digest, () => this.#inner.mountFromAny(repository, digest, mayPull, context))

  start: UploadStore['start'] = (...args) => this.#inner.start(...args)
  status: UploadStore['status'] = (...args) => this.#inner.status(...args)
  append: UploadStore['append'] = (...args) => this.#inner.append(...args)
  cancel: UploadStore['cancel'] = (...args) => this.#inner.cancel(...args)

  async #linking(digest: Digest, link: () => Promise<boolean>): Promise<boolean> {
    const hold = await this.#fence.hold([digest])
    let isLinked = false
    try {
      isLinked = await link()
      return isLinked
    } finally {
      hold.release(isLinked)
    }
  }
}

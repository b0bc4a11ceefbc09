// A registry that notes which manifests are pulled.
import type { Reference } from '../oci/reference.ts'
import type { RepositoryName } from '../oci/repository-name.ts'
import type { ManifestAnswer, Registry, RequestContext } from './registry.ts'

/** Told of each manifest that a client was given, by the name it was asked for; must not throw. */
export type OnPull = (repository: RepositoryName, reference: Reference) => void

/** To be put around the caches: what they answer is a pull too. */
export class RecordedPullsRegistry implements Registry {
  readonly #inner: Registry
  readonly #onPull: OnPull

  constructor(inner: Registry, { onPull }: { onPull: OnPull }) {
    this.#inner = inner
    this.#onPull = onPull
  }

  async getManifest(
    repository: RepositoryName,
    reference: Reference,
    context: RequestContext,
  ): Promise<ManifestAnswer> {
    const answer = await this.#inner.getManifest(repository, reference, context)
    this.#onPull(repository, reference)
    return answer
  }

  putManifest: Registry['putManifest'] = (...args) => this.#inner.putManifest(...args)
  deleteManifest: Registry['deleteManifest'] = (...args) => this.#inner.deleteManifest(...args)
  statBlob: Registry['statBlob'] = (...args) => this.#inner.statBlob(...args)
  openBlob: Registry['openBlob'] = (...args) => this.#inner.openBlob(...args)
  deleteBlob: Registry['deleteBlob'] = (...args) => this.#inner.deleteBlob(...args)
  listTags: Registry['listTags'] = (...args) => this.#inner.listTags(...args)
  listRepositories: Registry['listRepositories'] = (...args) => this.#inner.listRepositories(...args)
  listReferrers: Registry['listReferrers'] = (...args) => this.#inner.listReferrers(...args)

  get uploads(): Registry['uploads'] {
    return this.#inner.uploads
  }

  close(): Promise<void> {
    return this.#inner.close()
  }
}

// A registry that notes which manifests are pulled.
import type { Reference } from '../oci/reference.ts'
import type { RepositoryName } from '../oci/repository-name.ts'
import { DelegatingRegistry } from './delegating.ts'
import type { ManifestAnswer, Registry, RequestContext } from './registry.ts'

/** Told of each manifest that a client was given, by the name it was asked for; must not throw. */
export type OnPull = (repository: RepositoryName, reference: Reference) => void

/** To be put around the caches: what they answer is a pull too. */
export class RecordedPullsRegistry extends DelegatingRegistry {
  readonly #onPull: OnPull

  constructor(inner: Registry, { onPull }: { onPull: OnPull }) {
    super(inner)
    this.#onPull = onPull
  }

  peekManifest(
    repository: RepositoryName,
    reference: Reference,
    context: RequestContext,
  ): ManifestAnswer | undefined {
    const answer = this.inner.peekManifest?.(repository, reference, context)
    if (answer) this.#onPull(repository, reference)
    return answer
  }

  override async getManifest(
    repository: RepositoryName,
    reference: Reference,
    context: RequestContext,
  ): Promise<ManifestAnswer> {
    const answer = await this.inner.getManifest(repository, reference, context)
    this.#onPull(repository, reference)
    return answer
  }
}

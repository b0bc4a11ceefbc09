// May the upstream's own readers have this? Asked before anything that is kept of a repository is shown.
import type { Digest } from '../../oci/digest.ts'
import type { Reference } from '../../oci/reference.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import type { UpstreamClient } from '../../upstream/client.ts'
import {
  UpstreamDeniedError,
  UpstreamError,
  UpstreamNotFoundError,
  UpstreamRejectedError,
  UpstreamUnauthorizedError,
  UpstreamUnavailableError,
} from '../../upstream/errors.ts'
import type { RequestContext } from '../registry.ts'

/** What is asked for: the upstream is asked for the same, by a request that costs it little. */
export type Subject = { readonly manifest: Reference } | { readonly blob: Digest } | { readonly tags: true }

export interface Admission {
  /** Whether {@link admit} would answer undefined. */
  isAdmitted(repository: RepositoryName, context: RequestContext): boolean
  /**
   * Undefined where it is known that the caller may read the repository. Otherwise resolves when it may, and rejects with an
   * `UpstreamError` when not, or when that can not be told.
   */
  admit(repository: RepositoryName, subject: Subject, context: RequestContext): Promise<void> | undefined
  /** Whether a list of what is kept may name the repository. The upstream is not asked. */
  isListed(repository: RepositoryName): Promise<boolean>
  /** Runs what may ask the upstream, in the name of the caller where that matters. */
  run<Result>(context: RequestContext, work: () => Result): Result
}

/** Resolves when the upstream lets `client` read the repository. Rejects with an `UpstreamError`, at the latest after `patienceMs`. */
export async function requireReadable(
  client: UpstreamClient,
  name: RepositoryName,
  subject: Subject,
  patienceMs: number,
): Promise<void> {
  const signal = AbortSignal.timeout(patienceMs)
  try {
    await ask(client, name, subject, signal)
  } catch (error) {
    if (error !== signal.reason) throw error
    throw new UpstreamUnavailableError('the upstream did not say in time who may read', { timedOut: true })
  }
}

async function ask(
  client: UpstreamClient,
  name: RepositoryName,
  subject: Subject,
  signal: AbortSignal,
): Promise<void> {
  try {
    if ('manifest' in subject) await client.headManifest(name, subject.manifest, { signal })
    else if ('blob' in subject) await client.statBlob(name, subject.blob, { signal })
    else await client.listTags(name, { limit: 1 }, { signal })
  } catch (error) {
    // It has the repository, perhaps, and not this: what is kept of it by digest may be older than what is left there. Some
    // answer 405 to every HEAD.
    const isNoWord = error instanceof UpstreamNotFoundError || error instanceof UpstreamRejectedError
    if (!isNoWord || 'tags' in subject) throw error
    await client.listTags(name, { limit: 1 }, { signal })
  }
}

/** The upstream said that this caller may not read the repository; everything else may change at any moment. */
export function isRefusal(error: unknown): error is UpstreamError {
  return error instanceof UpstreamUnauthorizedError || error instanceof UpstreamDeniedError
}

/** It could not say anything. */
export function isSilence(error: unknown): boolean {
  return !isRefusal(error) && !(error instanceof UpstreamNotFoundError) && error instanceof UpstreamError
}

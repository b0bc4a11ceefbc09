// What an upstream says of a tag without being asked for its bytes.
import type { Digest } from '../../oci/digest.ts'
import type { Tag } from '../../oci/reference.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import type { UpstreamClient } from '../../upstream/client.ts'
import { isRefusal, UpstreamError, UpstreamUnavailableError } from '../../upstream/errors.ts'

export interface TagQuestionOptions {
  readonly client: UpstreamClient
  readonly nameOf: (repository: RepositoryName) => RepositoryName
  /** How long a tag that is cached may wait for the upstream's word on it. */
  readonly revalidateTimeoutMs: number
}

/** Asks by HEAD, which costs no quota. Undefined from an upstream that tells no digests so. */
export async function headDigest(
  { client, nameOf, revalidateTimeoutMs }: TagQuestionOptions,
  repository: RepositoryName,
  tag: Tag,
): Promise<Digest | undefined> {
  const signal = AbortSignal.timeout(revalidateTimeoutMs)
  try {
    const head = await client.headManifest(nameOf(repository), tag, { signal })
    return head.digest
  } catch (cause) {
    if (cause !== signal.reason) throw cause
    throw new UpstreamUnavailableError('the upstream did not answer in time', { cause, timedOut: true })
  }
}

/** An upstream that answers no is believed; one that can not answer is not. */
export function isFailure(error: unknown): error is UpstreamError {
  return error instanceof UpstreamError && !isRefusal(error)
}

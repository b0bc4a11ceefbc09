// The guard of every stream whose bytes are not hashed yet: nobody gets the whole of a wrong blob.
import { UpstreamInvalidAnswerError } from '../../../upstream/errors.ts'
import type { Digest, Digester } from '../../../oci/digest.ts'

/**
 * Passes `bytes` on, each chunk once the next is there and the last once all bytes are those of `digest`.
 * `digester` has seen what came before.
 */
export async function* heldBack(
  bytes: AsyncIterable<Uint8Array>,
  digester: Digester,
  digest: Digest,
): AsyncGenerator<Uint8Array> {
  let held: Uint8Array | undefined
  for await (const chunk of bytes) {
    digester.update(chunk)
    if (held) yield held
    held = chunk
  }
  requireDigest(digester, digest)
  if (held) yield held
}

export function requireDigest(digester: Digester, digest: Digest): void {
  const found = digester.digest()
  if (found !== digest)
    throw new UpstreamInvalidAnswerError(`the upstream sent ${found} where ${digest} was due`)
}

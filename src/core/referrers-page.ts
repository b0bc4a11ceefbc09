// One page of the referrers of a subject: what fits into one index (distribution-spec "Listing Referrers").
import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import type { ReferrersAnswer, ReferrersRequest } from './registry.ts'

/** Clients refuse an index above 4 MiB, as registries refuse to take one. */
const MAX_PAGE_BYTES = 2 * 1024 * 1024
/** Each is a manifest to read, also where the filter leaves it out. */
const MAX_EXAMINED = 1000

/** Describes candidates, given in the byte order of their digests, until a page is full; undefined ones are left out. */
export async function referrersPage(
  candidates: AsyncIterable<Digest> | Iterable<Digest>,
  describe: (candidate: Digest) => Promise<Descriptor | undefined> | Descriptor | undefined,
  { artifactType, limit = MAX_EXAMINED, last }: ReferrersRequest,
): Promise<ReferrersAnswer> {
  const descriptors: Descriptor[] = []
  const filtered = artifactType !== undefined
  let examined: Digest | undefined
  let count = 0
  let bytes = 0
  for await (const candidate of candidates) {
    if (last !== undefined && candidate <= last) continue
    const isFull = descriptors.length >= limit || count >= MAX_EXAMINED || bytes >= MAX_PAGE_BYTES
    // `limit` 0 asks for nothing and can not go on anywhere.
    if (isFull) return { descriptors, filtered, ...(examined === undefined ? {} : { next: examined }) }
    examined = candidate
    count += 1
    const descriptor = await describe(candidate)
    if (descriptor === undefined || (filtered && descriptor.artifactType !== artifactType)) continue
    bytes += JSON.stringify(descriptor).length
    descriptors.push(descriptor)
  }
  return { descriptors, filtered }
}

/** The same for referrers that are all at hand, in any order. */
export function pageOfDescriptors(
  all: readonly Descriptor[],
  request: ReferrersRequest,
): Promise<ReferrersAnswer> {
  const byDigest = new Map(all.map((descriptor) => [descriptor.digest, descriptor]))
  return referrersPage([...byDigest.keys()].toSorted(), (digest) => byDigest.get(digest), request)
}

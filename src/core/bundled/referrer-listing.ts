// The referrers of a manifest, as far as they are still there (distribution-spec end-12).
import type { Descriptor } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import type { ContentStore } from '../content/content-store.ts'
import { referrersPage } from '../referrers-page.ts'
import type { ReferrersAnswer, ReferrersRequest } from '../registry.ts'
import { readIntact } from './index-tree.ts'
import { referrerDescriptor } from './referrer-descriptor.ts'
import { replaceTaggedReferrers, taggedReferrers } from './tagged-referrers.ts'

/**
 * One page; a referrer that registry:2 deleted or whose bytes are damaged is left out, and those that clients of a
 * registry:2 keep under the referrers tag are listed too (distribution-spec "Enabling the Referrers API").
 */
export async function listReferrers(
  content: ContentStore,
  repository: RepositoryName,
  subject: Digest,
  request: ReferrersRequest,
): Promise<ReferrersAnswer> {
  const tagged = (await taggedReferrers(content, repository, subject)) ?? []
  const candidates = united(content.referrers.list(repository, subject), tagged)
  const describe = async (digest: Digest): Promise<Descriptor | undefined> => {
    const manifest = await readIntact(content, repository, digest)
    return manifest && referrerDescriptor(manifest, subject)
  }
  return referrersPage(candidates, describe, request)
}

/** To be called when a referrer came or went: brings the referrers tag in step, where there is one. */
export async function keepTagInStep(
  content: ContentStore,
  repository: RepositoryName,
  subject: Digest,
): Promise<void> {
  await content.referrers.alone(repository, subject, async () => {
    if ((await taggedReferrers(content, repository, subject)) === undefined) return
    const all: Descriptor[] = []
    for (let last: Digest | undefined; ;) {
      const page = await listReferrers(content, repository, subject, last === undefined ? {} : { last })
      all.push(...page.descriptors)
      last = page.next
      if (last === undefined) break
    }
    await replaceTaggedReferrers(content, repository, subject, all)
  })
}

/** Each digest of two lists in byte order once. */
async function* united(listed: AsyncIterable<Digest>, more: readonly Digest[]): AsyncGenerator<Digest> {
  const rest = [...new Set(more)]
  for await (const digest of listed) {
    while (rest[0] !== undefined && rest[0] < digest) yield rest.shift() ?? digest
    if (rest[0] === digest) rest.shift()
    yield digest
  }
  yield* rest
}

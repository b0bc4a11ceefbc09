// The referrers of a manifest, as far as they are still there (distribution-spec end-12).
import type { Descriptor } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import type { ContentStore } from '../content/content-store.ts'
import { DamagedContentError } from '../content/manifests.ts'
import { referrersPage } from '../referrers-page.ts'
import type { ReferrersAnswer, ReferrersRequest } from '../registry.ts'
import { referrerDescriptor } from './referrer-descriptor.ts'

/** One page; a referrer that registry:2 deleted or whose bytes are damaged is left out. */
export function listReferrers(
  content: ContentStore,
  repository: RepositoryName,
  subject: Digest,
  request: ReferrersRequest,
): Promise<ReferrersAnswer> {
  const describe = async (digest: Digest): Promise<Descriptor | undefined> => {
    try {
      const manifest = await content.manifests.read(repository, digest)
      return manifest && referrerDescriptor(manifest, subject)
    } catch (error) {
      if (error instanceof DamagedContentError) return undefined
      throw error
    }
  }
  return referrersPage(content.referrers.list(repository, subject), describe, request)
}

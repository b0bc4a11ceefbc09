// Where everything lies on the store: registry:2's own layout, so that either may be started on the other's folder.
import { algorithmOf, hexOf, type Digest } from '../../oci/digest.ts'
import type { Tag } from '../../oci/reference.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'

const ROOT = 'docker/registry/v2'

/** What is ours alone: beside registry:2's own folder, where it does not look. */
export const STATE_FOLDER = 'dockgate'

/** Holds one folder per component of a repository's name. */
export const REPOSITORIES_FOLDER = `${ROOT}/repositories`

/** Holds one folder per digest algorithm. */
export const BLOBS_FOLDER = `${ROOT}/blobs`

/** A folder with this one below it is a repository; names never begin with `_`. */
export const MANIFESTS_COMPONENT = '_manifests'

/** Below a repository's folder, beside its content. */
export const UPLOADS_COMPONENT = '_uploads'

/** Lies beside it; a repository that holds this one alone waits for its first manifest. */
export const BLOBS_COMPONENT = '_layers'

/** Holds the bytes of one blob or manifest, and nothing else. */
export function blobFolder(digest: Digest): string {
  return `${BLOBS_FOLDER}/${algorithmOf(digest)}/${hexOf(digest).slice(0, 2)}/${hexOf(digest)}`
}

/** The bytes of every blob and manifest, kept once for all repositories. */
export function blobDataPath(digest: Digest): string {
  return `${blobFolder(digest)}/data`
}

/** Where bytes that come from elsewhere than an upload session are staged; registry:2 does not look there. */
export function stagingDataPath(id: string): string {
  return `${ROOT}/_staging/${id}/data`
}

/** Where the bytes that were found under a digest, and are not its own, are moved to. */
export function quarantinePath(digest: Digest): string {
  return `${STATE_FOLDER}/quarantine/${pathOf(digest)}`
}

/** Says which upstreams once delivered the bytes. */
export function deliveriesFolder(digest: Digest): string {
  return `${STATE_FOLDER}/delivered/${pathOf(digest)}`
}

export function repositoryFolder(repository: RepositoryName): string {
  return `${REPOSITORIES_FOLDER}/${repository}`
}

/** Holds the links to the blobs of a repository that are no manifests. */
export function blobLinksFolder(repository: RepositoryName): string {
  return `${repositoryFolder(repository)}/${BLOBS_COMPONENT}`
}

/** Says that a repository holds a blob that is not a manifest. */
export function blobLinkFolder(repository: RepositoryName, digest: Digest): string {
  return `${blobLinksFolder(repository)}/${pathOf(digest)}`
}

export function manifestsFolder(repository: RepositoryName): string {
  return `${repositoryFolder(repository)}/${MANIFESTS_COMPONENT}`
}

export function revisionsFolder(repository: RepositoryName): string {
  return `${manifestsFolder(repository)}/revisions`
}

/** Says that a repository holds a manifest. */
export function revisionFolder(repository: RepositoryName, digest: Digest): string {
  return `${revisionsFolder(repository)}/${pathOf(digest)}`
}

export function tagsFolder(repository: RepositoryName): string {
  return `${manifestsFolder(repository)}/tags`
}

export function tagFolder(repository: RepositoryName, tag: Tag): string {
  return `${tagsFolder(repository)}/${tag}`
}

/** What a tag points to now. */
export function tagCurrentFolder(repository: RepositoryName, tag: Tag): string {
  return `${tagFolder(repository, tag)}/current`
}

/** Everything a tag ever pointed to. */
export function tagIndexFolder(repository: RepositoryName, tag: Tag): string {
  return `${tagFolder(repository, tag)}/index`
}

/** What the tags of a mirrored repository meant over time, one folder each. Ours alone, as the next one. */
export function tagHistoriesFolder(repository: RepositoryName): string {
  return `${manifestsFolder(repository)}/history`
}

export function tagHistoryFolder(repository: RepositoryName, tag: Tag): string {
  return `${tagHistoriesFolder(repository)}/${tag}`
}

/** Ours alone: registry:2 reads only `revisions` and `tags` beside it. */
export function referrersRoot(repository: RepositoryName): string {
  return `${manifestsFolder(repository)}/referrers`
}

/** The manifests whose subject is `subject`. */
export function referrersFolder(repository: RepositoryName, subject: Digest): string {
  return `${referrersRoot(repository)}/${pathOf(subject)}`
}

/** Holds the upload sessions of a repository, one folder each. */
export function uploadsFolder(repository: RepositoryName): string {
  return `${repositoryFolder(repository)}/${UPLOADS_COMPONENT}`
}

export function uploadFolder(repository: RepositoryName, id: string): string {
  return `${uploadsFolder(repository)}/${id}`
}

/** `<algorithm>/<hex>`, as it ends every path that names one digest below a folder. */
export function pathOf(digest: Digest): string {
  return `${algorithmOf(digest)}/${hexOf(digest)}`
}

// Deleting by hand: says what goes before it goes, and does not break what others need.
import type { Digest } from '../../../oci/digest.ts'
import { RegistryError } from '../../../oci/error.ts'
import { isDigest, type Reference, type Tag } from '../../../oci/reference.ts'
import type { RepositoryName } from '../../../oci/repository-name.ts'
import type { ContentStore } from '../../content/content-store.ts'
import {
  blobLinkFolder,
  blobLinksFolder,
  manifestsFolder,
  uploadsFolder,
  tagsFolder,
} from '../../content/layout.ts'
import { readLink } from '../../content/links.ts'
import type { Registry, RequestContext } from '../../registry.ts'
import type { TagRules } from '../../tag-rules.ts'
import { readIndexTree, tagsLeadingTo } from '../index-tree.ts'
import type { KnownPulls } from '../../content/shared-pull-times.ts'
import { collected } from './collected.ts'
import { referrersOf, requireRepository } from './inspect.ts'

export interface DeletableStore {
  readonly content: ContentStore
  /** As clients reach it, with all that keeps a delete apart from what runs beside it. */
  readonly registry: Registry
  readonly rules: TagRules
  readonly readOnly: boolean
  /** Whether anything may be deleted at all. */
  readonly allowsDelete: boolean
  /** Runs `work` while no push to the repository and no delete in it runs. */
  readonly alone: <Result>(repository: RepositoryName, work: () => Promise<Result>) => Promise<Result>
  /** Makes caches forget a repository. */
  readonly forget: (repository: RepositoryName) => Promise<void>
  /** Undefined when pulls are not recorded. */
  readonly pulls: KnownPulls | undefined
}

export interface DeleteRequest {
  readonly repository: RepositoryName
  /** Undefined: the whole repository. */
  readonly reference?: Reference | undefined
  /** Deletes nothing, and tells what would be. */
  readonly dryRun: boolean
  /** Also what an index holds, or what others refer to. */
  readonly force: boolean
}

/** What goes; its bytes are freed by garbage collection, where nothing else needs them. */
export interface DeleteReport {
  readonly repository: RepositoryName
  readonly dryRun: boolean
  /** Tags that go, the first of many. */
  readonly tags: readonly Tag[]
  readonly tagCount: number
  /** Manifests that go. */
  readonly manifestCount: number
  /** What stays and is broken by it, with `force`. */
  readonly breaks: readonly Digest[]
}

const MAX_LISTED_TAGS = 1000

/** Rejects with `NAME_UNKNOWN`, `MANIFEST_UNKNOWN`, and `DENIED` for what something else needs or a rule protects. */
export async function deleteContent(
  store: DeletableStore,
  request: DeleteRequest,
  context: RequestContext,
): Promise<DeleteReport> {
  const { repository, reference } = request
  if (store.readOnly) throw new RegistryError('UNSUPPORTED', 'the store is read-only')
  if (!store.allowsDelete) throw new RegistryError('UNSUPPORTED', 'deleting is switched off in this store')
  await requireRepository(store.content, repository)
  if (reference === undefined) return deleteRepository(store, request)
  return isDigest(reference)
    ? deleteManifest(store, request, reference, context)
    : deleteTag(store, request, reference, context)
}

async function deleteTag(
  { content, registry, rules }: DeletableStore,
  { repository, dryRun }: DeleteRequest,
  tag: Tag,
  context: RequestContext,
): Promise<DeleteReport> {
  if ((await content.tags.resolve(repository, tag)) === undefined)
    throw new RegistryError('MANIFEST_UNKNOWN', `${repository} has no tag ${tag}`)
  requireUnprotected(rules, repository, [tag])
  if (!dryRun) await registry.deleteManifest(repository, tag, context)
  return { repository, dryRun, tags: [tag], tagCount: 1, manifestCount: 0, breaks: [] }
}

async function deleteManifest(
  { content, registry, rules }: DeletableStore,
  { repository, dryRun, force }: DeleteRequest,
  digest: Digest,
  context: RequestContext,
): Promise<DeleteReport> {
  await requireManifest(content, repository, digest)
  const tags = await collected(content.tags.pointingTo(repository, digest))
  if (rules.protectsSomeOf(repository))
    requireUnprotected(rules, repository, await collected(tagsLeadingTo(content, repository, digest)))
  const tree = await readIndexTree(content, repository)
  const indexes = [...tree].flatMap(([index, children]) => (children.includes(digest) ? [index] : []))
  const referrers = (await referrersOf(content, repository, digest)).map((referrer) => referrer.digest)
  if (!force) refuse(digest, indexes, referrers)
  if (!dryRun) await registry.deleteManifest(repository, digest, context)
  const breaks = [...indexes, ...referrers]
  return {
    repository,
    dryRun,
    tags: tags.slice(0, MAX_LISTED_TAGS),
    tagCount: tags.length,
    manifestCount: 1,
    breaks,
  }
}

async function deleteRepository(store: DeletableStore, request: DeleteRequest): Promise<DeleteReport> {
  const { content, rules } = store
  const { repository, dryRun } = request
  const work = async (): Promise<DeleteReport> => {
    const { items: tags } = await content.tags.list(repository, { limit: Infinity })
    requireUnprotected(rules, repository, tags)
    let manifestCount = 0
    for await (const _ of content.manifests.list(repository)) manifestCount += 1
    if (!dryRun) await removeRepository(store, repository)
    return {
      repository,
      dryRun,
      tags: tags.slice(0, MAX_LISTED_TAGS),
      tagCount: tags.length,
      manifestCount,
      breaks: [],
    }
  }
  return dryRun ? work() : store.alone(repository, work)
}

/** Cut off anywhere, it leaves less of the repository and nothing that points to what is gone. Those below it stay. */
async function removeRepository(
  { content, forget, pulls }: DeletableStore,
  repository: RepositoryName,
): Promise<void> {
  const { driver } = content
  await driver.delete(tagsFolder(repository))
  await driver.delete(manifestsFolder(repository))
  await forget(repository)
  await driver.delete(blobLinksFolder(repository))
  await driver.delete(uploadsFolder(repository))
  // Retention looks through the repositories that there are: nothing else would ever remove these.
  await pulls?.flush()
  await pulls?.prune(repository, () => false)
}

async function requireManifest(
  { manifests, driver }: ContentStore,
  repository: RepositoryName,
  digest: Digest,
): Promise<void> {
  if (await manifests.has(repository, digest)) return
  const isBlob = (await readLink(driver, blobLinkFolder(repository, digest))) !== undefined
  throw new RegistryError(
    'MANIFEST_UNKNOWN',
    isBlob
      ? `${digest} is a blob: it goes by garbage collection when no manifest needs it`
      : `${repository} holds no manifest ${digest}`,
  )
}

function requireUnprotected(rules: TagRules, repository: RepositoryName, tags: readonly Tag[]): void {
  const found = tags.find((tag) => rules.isProtected(repository, tag))
  if (found !== undefined) throw new RegistryError('DENIED', `the tag ${found} of ${repository} is protected`)
}

function refuse(digest: Digest, indexes: readonly Digest[], referrers: readonly Digest[]): void {
  const reasons = [
    ...(indexes.length > 0 ? [`it belongs to the index ${indexes.join(', ')}`] : []),
    ...(referrers.length > 0 ? [`${referrers.join(', ')} refers to it`] : []),
  ]
  if (reasons.length > 0)
    throw new RegistryError(
      'DENIED',
      `${digest} is needed: ${reasons.join('; ')} (force deletes it all the same)`,
    )
}

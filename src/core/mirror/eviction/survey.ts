// What lies on the store of a mirror, and when it was last of use: read from the store itself, so it is right after restarts.
import type { Digest } from '../../../oci/digest.ts'
import type { RepositoryName } from '../../../oci/repository-name.ts'
import { PathNotFoundError } from '../../../storage/driver.ts'
import { modifiedAt } from '../../../storage/modified-at.ts'
import type { ContentStore } from '../../content/content-store.ts'
import { blobDataPath, revisionFolder } from '../../content/layout.ts'
import { DamagedContentError } from '../../content/manifests.ts'
import { namedDigests, type NamedDigests } from '../../content/named-digests.ts'
import type { PullTimes } from '../../content/pull-times.ts'
import { walkBlobs, walkRepositories } from '../../content/store-walk.ts'
import type { TagState } from '../../content/tags.ts'
import type { Pins } from './pins.ts'

export interface SurveyedManifest {
  readonly repository: RepositoryName
  readonly digest: Digest
  /** Those that point to it. */
  readonly tags: readonly TagState[]
  /** The bytes that it needs, its own among them. */
  readonly needs: readonly Digest[]
  readonly isIndex: boolean
  /** When it, or an index that names it, was last pulled or fetched; in ms since the epoch. */
  usedAt: number
  isPinned: boolean
}

export interface SurveyedBlob {
  /** Bytes. */
  readonly size: number
  readonly keptAt: number
}

export interface Survey {
  readonly manifests: readonly SurveyedManifest[]
  readonly blobs: ReadonlyMap<Digest, SurveyedBlob>
  /** Of all blobs together. */
  readonly bytes: number
}

export interface SurveyOptions {
  readonly content: ContentStore
  readonly pulls: PullTimes
  readonly pins: Pins
  readonly signal: AbortSignal
}

export async function surveyStore(options: SurveyOptions): Promise<Survey> {
  const { content, signal } = options
  const found = await surveyBlobs(content, signal)
  const manifests: SurveyedManifest[] = []
  for await (const repository of walkRepositories(content.driver))
    for (const manifest of await surveyRepository(options, repository)) manifests.push(manifest)
  return { manifests, ...found }
}

/** How large each blob is, and all of them. */
export async function surveyBlobs(
  content: ContentStore,
  signal: AbortSignal,
): Promise<Pick<Survey, 'blobs' | 'bytes'>> {
  const blobs = new Map<Digest, SurveyedBlob>()
  let bytes = 0
  for await (const digest of walkBlobs(content.driver)) {
    signal.throwIfAborted()
    const blob = await statBlob(content, digest)
    if (!blob) continue
    blobs.set(digest, blob)
    bytes += blob.size
  }
  return { blobs, bytes }
}

/** What the manifests need that the survey did not see. */
export async function neededSince({ manifests }: Survey, content: ContentStore): Promise<Set<Digest>> {
  const known = new Set(manifests.map(({ repository, digest }) => `${repository}@${digest}`))
  const needed = new Set<Digest>()
  for await (const repository of walkRepositories(content.driver))
    for await (const digest of content.manifests.list(repository)) {
      if (known.has(`${repository}@${digest}`)) continue
      for (const each of needsOf(digest, await readNamed(content, repository, digest))) needed.add(each)
    }
  return needed
}

async function surveyRepository(
  { content, pulls, pins, signal }: SurveyOptions,
  repository: RepositoryName,
): Promise<SurveyedManifest[]> {
  const tags = new Map<Digest, TagState[]>()
  for await (const state of content.tags.states(repository))
    tags.set(state.digest, [...(tags.get(state.digest) ?? []), state])
  const found = new Map<Digest, SurveyedManifest>()
  const children = new Map<Digest, readonly Digest[]>()
  for await (const digest of content.manifests.list(repository)) {
    signal.throwIfAborted()
    const named = await readNamed(content, repository, digest)
    const pointing = tags.get(digest) ?? []
    children.set(digest, named?.manifests ?? [])
    found.set(digest, {
      repository,
      digest,
      tags: pointing,
      needs: needsOf(digest, named),
      isIndex: (named?.manifests.length ?? 0) > 0,
      usedAt: await lastUse(content, pulls, { repository, digest, tags: pointing }),
      isPinned: pointing.some(({ tag }) => pins.has(repository, tag)),
    })
  }
  for (const manifest of found.values()) passOn(manifest, found, children)
  return [...found.values()]
}

/** Who asks for an index may need any image of it that is here. */
function passOn(
  { digest, usedAt, isPinned }: SurveyedManifest,
  found: ReadonlyMap<Digest, SurveyedManifest>,
  children: ReadonlyMap<Digest, readonly Digest[]>,
): void {
  for (const name of children.get(digest) ?? []) {
    const child = found.get(name)
    if (!child || (child.usedAt >= usedAt && (child.isPinned || !isPinned))) continue
    child.usedAt = Math.max(child.usedAt, usedAt)
    child.isPinned ||= isPinned
    passOn(child, found, children)
  }
}

async function lastUse(
  content: ContentStore,
  pulls: PullTimes,
  { repository, digest, tags }: Pick<SurveyedManifest, 'repository' | 'digest' | 'tags'>,
): Promise<number> {
  const references = [digest, ...tags.map(({ tag }) => tag)]
  const times = await Promise.all(references.map((reference) => pulls.last(repository, reference)))
  const fetchedAt = await modifiedAt(content.driver, `${revisionFolder(repository, digest)}/link`)
  return Math.max(...[fetchedAt, ...times].map((time) => time ?? 0))
}

async function statBlob(content: ContentStore, digest: Digest): Promise<SurveyedBlob | undefined> {
  try {
    const { size, modifiedAt } = await content.driver.stat(blobDataPath(digest))
    return { size, keptAt: modifiedAt.getTime() }
  } catch (error) {
    if (error instanceof PathNotFoundError) return undefined
    throw error
  }
}

/** Undefined for a manifest that cannot be read: it is of no use to anybody, and is fetched again when it is evicted. */
async function readNamed(
  content: ContentStore,
  repository: RepositoryName,
  digest: Digest,
): Promise<NamedDigests | undefined> {
  try {
    const manifest = await content.manifests.read(repository, digest)
    return manifest && namedDigests(manifest.bytes, manifest.mediaType)
  } catch (error) {
    if (error instanceof DamagedContentError) return undefined
    throw error
  }
}

function needsOf(digest: Digest, named: NamedDigests | undefined): Digest[] {
  return [digest, ...(named?.blobs ?? [])]
}

// What a registry should hold after a sequence of requests: the specification, written as plain sets and maps.
import type { Digest } from '../../../src/oci/digest.ts'

export interface ModelManifest {
  readonly bytes: Buffer
  readonly mediaType: string
  readonly digest: Digest
  readonly subject?: Digest
  readonly artifactType?: string
}

export interface ModelRepository {
  readonly name: string
  /** Whether callers without a login may do everything in it; they may do nothing in the others. */
  readonly isOpen: boolean
  readonly blobs: Set<Digest>
  readonly manifests: Map<Digest, ModelManifest>
  readonly tags: Map<string, Digest>
  /** A repository exists from its first manifest on. */
  wasPushed: boolean
}

export interface ModelUpload {
  readonly repository: ModelRepository
  readonly path: string
  bytes: Buffer
  isOpen: boolean
}

export interface World {
  readonly prefix: string
  readonly repositories: readonly ModelRepository[]
  readonly uploads: ModelUpload[]
  /** Every content that was ever made up, by its digests. */
  readonly contents: Map<Digest, Buffer>
}

/** An empty world under names that no other one has. */
export function createWorld(prefix: string): World {
  const repository = (name: string, isOpen: boolean): ModelRepository => ({
    name: `${prefix}/${name}`,
    isOpen,
    blobs: new Set(),
    manifests: new Map(),
    tags: new Map(),
    wasPushed: false,
  })
  return {
    prefix,
    repositories: [repository('open-a', true), repository('open-b', true), repository('closed', false)],
    uploads: [],
    contents: new Map(),
  }
}

/** The item that a number stands for, whatever it is; undefined when there is none. */
export function nth<Item>(items: readonly Item[], number: number): Item | undefined {
  return items[number % Math.max(1, items.length)]
}

/** The repository that a number stands for. */
export function repositoryAt({ repositories }: World, number: number): ModelRepository {
  const repository = nth(repositories, number)
  if (!repository) throw new Error('a world has repositories')
  return repository
}

/** Mostly the digest of a blob that the repository holds, else of anything, or of nothing at all. */
export function digestAt(world: World, { blobs }: ModelRepository, number: number, none: Digest): Digest {
  const held = number % 4 === 0 ? undefined : nth([...blobs], number >>> 2)
  return held ?? nth([...world.contents.keys(), none], number >>> 2) ?? none
}

// A mirror on a temporary folder in front of whatever upstream a test gives it, with a clock of its own.
import { join } from 'node:path'
import { ANONYMOUS } from '../../../src/access/identity.ts'
import { ContentStore } from '../../../src/core/content/content-store.ts'
import { ManifestCache } from '../../../src/core/manifest-cache.ts'
import { MirrorRegistry, type MirrorRegistryOptions } from '../../../src/core/mirror/mirror-registry.ts'
import type { OpenBlob, RequestContext } from '../../../src/core/registry.ts'
import { ACCEPT_ANYTHING } from '../../../src/oci/accept.ts'
import { parseRepositoryName, type RepositoryName } from '../../../src/oci/repository-name.ts'
import { FilesystemDriver } from '../../../src/storage/filesystem.ts'
import { createUpstreamClient } from '../../../src/upstream/create-upstream-client.ts'
import { buffer } from 'node:stream/consumers'
import { known } from '../../support/known.ts'
import { atEnd, temporaryFolder, type Scope } from '../../support/scope.ts'

export const HOUR_MS = 3_600_000

export const CONTEXT: RequestContext = {
  identity: ANONYMOUS,
  accept: ACCEPT_ANYTHING,
  signal: new AbortController().signal,
}

/** `docker.io/library/alpine`, as clients of the gateway know it. */
export const ALPINE = mirrored('library/alpine')

export function mirrored(name: string): RepositoryName {
  return known(parseRepositoryName(`docker.io/${name}`))
}

export interface MirrorFixture {
  readonly registry: MirrorRegistry
  readonly content: ContentStore
  readonly root: string
  readonly clock: { now: number }
}

/** Tags are good for an hour. `root` is where an earlier mirror kept its content. */
export async function startMirror(
  t: Scope,
  url: string,
  options: Partial<MirrorRegistryOptions> & {
    root?: string
    credentials?: { username: string; password: string }
  } = {},
): Promise<MirrorFixture> {
  const { root = await temporaryFolder(t), credentials, ...rest } = options
  const clock = { now: Date.parse('2026-11-22T00:00:00Z') }
  const login = credentials ? { credentials } : {}
  const client = createUpstreamClient({
    url,
    headersTimeoutMs: 2_000,
    idleTimeoutMs: 2_000,
    budget: { now: () => clock.now },
    ...login,
  })
  const content = new ContentStore(new FilesystemDriver({ root, fsync: false }))
  const registry = new MirrorRegistry({
    client,
    content,
    manifests: new ManifestCache({ maxBytes: 1024 * 1024 }),
    rewrite: { from: 'docker.io/', to: '' },
    tagTtlMs: () => HOUR_MS,
    spoolFolder: join(root, '_spool'),
    now: () => clock.now,
    ...rest,
  })
  atEnd(t, () => registry.close())
  return { registry, content, root, clock }
}

/** All bytes of a blob, or of one range of it, as a client of the API reads them. */
export async function readBlob(blob: OpenBlob, range?: { start: number; end: number }): Promise<Buffer> {
  try {
    return await buffer(await blob.read(range))
  } finally {
    blob.release()
  }
}

// A content store on an empty folder, and names to put things under.
import { ContentStore } from '../../../src/core/content/content-store.ts'
import { parseTag, type Tag } from '../../../src/oci/reference.ts'
import { parseRepositoryName, type RepositoryName } from '../../../src/oci/repository-name.ts'
import { FilesystemDriver } from '../../../src/storage/filesystem.ts'
import { temporaryFolder, type Scope } from '../../support/scope.ts'

/** An empty store and the folder it lies in. Power cuts are not tested: it does not wait for the disk. */
export async function emptyContent(t: Scope): Promise<{ root: string; content: ContentStore }> {
  const root = await temporaryFolder(t)
  return { root, content: new ContentStore(new FilesystemDriver({ root, fsync: false })) }
}

export function repository(text: string): RepositoryName {
  const name = parseRepositoryName(text)
  if (name === undefined) throw new Error(`${text} is no repository name`)
  return name
}

export function tag(text: string): Tag {
  const parsed = parseTag(text)
  if (parsed === undefined) throw new Error(`${text} is no tag`)
  return parsed
}

// Everything that a registry keeps on one store; the bundled registry and the mirrors work on it.
import { LocalLocks, type Locks } from '../../cache/locks.ts'
import type { StorageDriver } from '../../storage/driver.ts'
import { BlobStore } from './blobs.ts'
import { FolderNames } from './folder-names.ts'
import { ManifestStore } from './manifests.ts'
import { ReferrerStore } from './referrers.ts'
import { RepositoryList } from './repositories.ts'
import { TagStore } from './tags.ts'

/** The parts of one store, on registry:2's layout. */
export class ContentStore {
  readonly driver: StorageDriver
  readonly blobs: BlobStore
  readonly manifests: ManifestStore
  readonly tags: TagStore
  readonly referrers: ReferrerStore
  readonly repositories: RepositoryList

  /** `locks`: by default nobody else writes to the store. */
  constructor(driver: StorageDriver, locks: Locks = new LocalLocks()) {
    this.driver = driver
    this.blobs = new BlobStore(driver, locks)
    this.manifests = new ManifestStore(driver, this.blobs)
    const folders = new FolderNames(driver)
    this.tags = new TagStore(driver, folders, locks)
    this.referrers = new ReferrerStore(driver, locks)
    this.repositories = new RepositoryList(driver, folders)
  }
}

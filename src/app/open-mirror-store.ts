// A store that keeps what mirrors fetch, and what keeps it within its limits.
import { join } from 'node:path'
import type { Peers } from '../cache/peers.ts'
import type { StoreConfig } from '../config/config.ts'
import { ContentStore } from '../core/content/content-store.ts'
import { StoreUpkeep } from '../core/mirror/eviction/store-upkeep.ts'
import type { StorageDriver } from '../storage/driver.ts'

export interface MirrorStore {
  readonly content: ContentStore
  /** To be closed. */
  readonly upkeep: StoreUpkeep
  /** On the local disk, for blobs on their way. */
  readonly spoolFolder: string
}

export async function openMirrorStore(
  { name, filesystem, limits }: StoreConfig,
  driver: StorageDriver,
  peers: Peers,
): Promise<MirrorStore> {
  const content = new ContentStore(driver)
  const spoolFolder = join(filesystem.root, 'spool')
  const lockFile = join(spoolFolder, 'evicting')
  const upkeep = await StoreUpkeep.open({ name, content, limits, peers, lockFile })
  return { content, upkeep, spoolFolder }
}

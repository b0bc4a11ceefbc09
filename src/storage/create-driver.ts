// From a store's settings to its driver: one line per backend.
import type { StorageDriver } from './driver.ts'
import { FilesystemDriver, type FilesystemOptions } from './filesystem.ts'

/** One key names the backend, its value holds that backend's settings. */
export interface StorageOptions {
  readonly filesystem: FilesystemOptions
}

export function createStorageDriver(options: StorageOptions): StorageDriver {
  return new FilesystemDriver(options.filesystem)
}

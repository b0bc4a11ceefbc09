// Whether a store can be used: asked at start, and by whoever watches the gateway's health.
import { PathNotFoundError, StorageFullError, type StorageDriver } from '../storage/driver.ts'

const PROBE = 'dockgate/probe'

export interface CheckedStore {
  readonly name: string
  readonly driver: StorageDriver
  /** Nothing will be written to it. */
  readonly isReadOnly: boolean
}

/** Rejects with one line that names the store. A full disk is no failure: what it holds can still be served. */
export async function checkStore({ name, driver, isReadOnly }: CheckedStore): Promise<void> {
  try {
    for await (const _ of driver.list('docker/registry/v2/repositories')) break
    if (isReadOnly) return
    await driver.writeAll(PROBE, Buffer.from(new Date().toISOString()))
  } catch (cause) {
    if (cause instanceof StorageFullError) return
    throw new Error(`the store ${name} cannot be used: ${explain(cause)}`, { cause })
  }
}

function explain(cause: unknown): string {
  // What a writer is told when a part of the path is a file.
  if (cause instanceof PathNotFoundError) return 'its folder cannot be made'
  if (!(cause instanceof Error)) return String(cause)
  return cause.cause instanceof Error ? `${cause.message} (${cause.cause.message})` : cause.message
}

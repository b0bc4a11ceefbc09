// Damaged content is moved out of the way: it is then missing, which clients can tell and a push heals.
import { channel } from 'node:diagnostics_channel'
import { setImmediate as turn } from 'node:timers/promises'
import { algorithmOf, createDigester, type Digest } from '../../../oci/digest.ts'
import { PathNotFoundError } from '../../../storage/driver.ts'
import type { ContentStore } from '../../content/content-store.ts'
import { blobDataPath, blobFolder, quarantinePath } from '../../content/layout.ts'

/** Told of each {@link DamagedBlob} when it has been moved aside. */
export const DAMAGED_BLOBS = channel('dockgate:damaged-blobs')

export interface DamagedBlob {
  readonly digest: Digest
  /** Below the store's root. */
  readonly movedTo: string
}

/** What of the bytes of a blob has been read, for those who count. */
export type OnBytes = (count: number) => Promise<void> | void

/** Whether the bytes kept under `digest` are its own; undefined when there are none. */
export async function isIntact(
  { blobs }: ContentStore,
  digest: Digest,
  { onBytes, signal }: { onBytes?: OnBytes; signal?: AbortSignal } = {},
): Promise<boolean | undefined> {
  const digester = createDigester(algorithmOf(digest))
  try {
    for await (const chunk of await blobs.read(digest, signal ? { signal } : {})) {
      digester.update(chunk as Buffer) // a driver's streams hold bytes
      await (onBytes?.(chunk.length) ?? turn())
    }
  } catch (error) {
    if (error instanceof PathNotFoundError) return undefined
    throw error
  }
  return digester.digest() === digest
}

/**
 * Moves the bytes kept under `digest` aside when they are not its own. They are read once more for that, while nobody
 * replaces them: what a push has healed meanwhile stays.
 */
export async function quarantine(content: ContentStore, digest: Digest): Promise<DamagedBlob | undefined> {
  const movedTo = quarantinePath(digest)
  const isDamaged = await content.blobs.alone(digest, async () => {
    if ((await isIntact(content, digest)) !== false) return false
    await content.driver.copy(blobDataPath(digest), movedTo)
    await content.driver.delete(blobFolder(digest))
    return true
  })
  if (!isDamaged) return undefined
  const damaged = { digest, movedTo }
  DAMAGED_BLOBS.publish(damaged)
  return damaged
}

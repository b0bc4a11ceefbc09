// A blob on the store of a mirror, open for one client: while that reads it is not evicted.
import type { Readable } from 'node:stream'
import type { ByteRange } from '../../oci/byte-range.ts'
import { PathNotFoundError } from '../../storage/driver.ts'
import type { BlobStore, StoredBlob } from '../content/blobs.ts'
import type { CacheVerdict, OpenBlob } from '../registry.ts'
import type { StoreWatch } from './store-watch.ts'

export interface KeptBlobOptions {
  readonly blobs: BlobStore
  readonly watch: StoreWatch
  /** Opens the blob anew, when it was evicted in the moment between finding and reading it. */
  readonly reopen: () => Promise<OpenBlob>
}

export async function openKept(
  { digest, size }: StoredBlob,
  cache: CacheVerdict,
  { blobs, watch, reopen }: KeptBlobOptions,
): Promise<OpenBlob> {
  const redirectUrl = await blobs.redirectUrl(digest)
  const done = watch.reading(digest)
  let instead: Promise<OpenBlob> | undefined
  return {
    size,
    cache,
    ...(redirectUrl === undefined ? {} : { redirectUrl }),
    read: async (range?: ByteRange): Promise<Readable> => {
      if (instead) return (await instead).read(range)
      try {
        return await blobs.read(digest, range ? { range } : {})
      } catch (error) {
        if (!(error instanceof PathNotFoundError)) throw error
        return (await (instead ??= reopen())).read(range)
      }
    },
    release: () => {
      done()
      void instead?.then(
        (blob) => blob.release(),
        () => undefined,
      )
    },
  }
}

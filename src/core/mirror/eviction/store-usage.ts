// What is told of the stores of mirrors: how full they are, and what went.
import { channel } from 'node:diagnostics_channel'
import type { Evicted } from './evict.ts'

/** Carries a {@link StoreUsage} whenever it has changed. */
export const STORE_USAGE = channel('dockgate:mirror-store')

export interface StoreUsage {
  readonly store: string
  /** Of all blobs. */
  readonly bytes: number
  readonly maxBytes: number | undefined
  /** What went since the last time. */
  readonly evicted: Evicted
}

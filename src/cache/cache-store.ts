// The contract of a second-level cache: bytes under string keys, shared between processes.

/**
 * A cache that fails is a miss: no method rejects, none waits longer than a fraction of a second for a sick server.
 */
export interface CacheStore {
  get(key: string): Promise<Uint8Array | undefined>
  set(key: string, value: Uint8Array, options: { ttlMs: number }): Promise<void>
  delete(key: string): Promise<void>
  close(): Promise<void>
}

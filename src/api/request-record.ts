// What is known of one request when it has ended: handlers fill it, server/ writes log and metrics from it once.
import type { Identity } from '../access/identity.ts'
import type { Clause } from '../access/principals.ts'
import type { CacheVerdict } from '../core/registry.ts'

export interface RequestRecord {
  /** The address of the client, behind trusted proxies. */
  clientAddress: string
  /** The account's name; undefined for anonymous callers. */
  user?: string
  /** Who was found to ask; undefined when that could not be told. */
  identity?: Identity
  /** What grants it; undefined for what was refused, or needs no grant. */
  clause?: Clause
  /** What a token was issued for. */
  scopes?: readonly string[]
  /** The route's kind, bounded in number, for metrics: `manifest`, `blob`, `upload`, `tags`, `token`, … */
  route: string
  repository?: string
  /** Tag or digest, as asked. */
  reference?: string
  /** The digest of what was written. */
  digest?: string
  action?: string
  cache?: CacheVerdict
  /** The error code the client got. */
  code?: string
  /** An error that the client must not see, to be logged. */
  error?: unknown
}

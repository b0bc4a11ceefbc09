// What is known of one request when it has ended: handlers fill it, server/ writes log and metrics from it once.
import type { Identity } from '../access/identity.ts'
import type { Clause } from '../access/principals.ts'
import type { CacheVerdict } from '../core/registry.ts'

/** Made with all that it may ever hold: an object that grows field by field is moved about in memory. */
export class RequestRecord {
  /** The address of the client, behind trusted proxies. */
  readonly clientAddress: string
  /** The account's name; undefined for anonymous callers. */
  user: string | undefined = undefined
  /** Who was found to ask; undefined when that could not be told. */
  identity: Identity | undefined = undefined
  /** What grants it; undefined for what was refused, or needs no grant. */
  clause: Clause | undefined = undefined
  /** What a token was issued for. */
  scopes: readonly string[] | undefined = undefined
  /** The route's kind, bounded in number, for metrics: `manifest`, `blob`, `upload`, `tags`, `token`, … */
  route = 'other'
  repository: string | undefined = undefined
  /** Tag or digest, as asked. */
  reference: string | undefined = undefined
  /** The digest of what was written. */
  digest: string | undefined = undefined
  action: string | undefined = undefined
  cache: CacheVerdict | undefined = undefined
  /** The error code the client got. */
  code: string | undefined = undefined
  /** An error that the client must not see, to be logged. */
  error: unknown = undefined

  constructor(clientAddress: string) {
    this.clientAddress = clientAddress
  }
}

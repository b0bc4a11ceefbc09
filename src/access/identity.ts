// Who is asking: the outcome of authentication, the input of every decision.
import type { Ceiling } from './ceiling.ts'

/** An account in the place that knows it. */
export interface AccountRef {
  /** The login backend's name: `htpasswd`. */
  readonly backend: string
  /** What that backend knows it by. */
  readonly key: string
}

export interface Identity {
  /** The account's name; undefined for a caller who did not log in. Names from elsewhere carry their source: `ldap:bob`. */
  readonly name: string | undefined
  /** How it was proved. */
  readonly method: 'anonymous' | 'basic' | 'bearer' | 'certificate'
  /** What vouches for the name; Bearer tokens are tied to it. Undefined where nothing can be asked about it again. */
  readonly account?: AccountRef
  /** Groups beside those of the configuration. */
  readonly groups?: readonly string[]
  /** What the presented token is limited to; grants still decide. Undefined: no ceiling. */
  readonly ceiling?: Ceiling
}

export const ANONYMOUS: Identity = { name: undefined, method: 'anonymous' }

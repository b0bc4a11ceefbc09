// Who is asking: the outcome of authentication, the input of every decision.
import type { Scope } from '../oci/scope.ts'

export interface Identity {
  /** The account's name; undefined for a caller who did not log in. Names from elsewhere carry their source: `ldap:bob`. */
  readonly name: string | undefined
  /** How it was proved. */
  readonly method: 'anonymous' | 'basic' | 'bearer'
  /** What the presented token is limited to; grants still decide. Undefined: no ceiling. */
  readonly ceiling?: readonly Scope[]
}

export const ANONYMOUS: Identity = { name: undefined, method: 'anonymous' }

// Who asks, and from where: what a decision needs to know of a request.
import type { Identity } from './identity.ts'

export interface Caller {
  readonly identity: Identity
  /** The client's IP address, behind trusted proxies. Undefined: not known, and no condition on it holds. */
  readonly address: string | undefined
}

// The forwarding seam: requests that stream through to an external core untouched, after parse and guard.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Digest } from '../oci/digest.ts'
import type { RepositoryName } from '../oci/repository-name.ts'

/** The parsed routes that may be forwarded; the target URL is rebuilt from them, never copied from the request. */
export type ForwardRoute =
  | {
      readonly kind: 'blob'
      readonly repository: RepositoryName
      readonly digest: Digest
      readonly query: string
    }
  | { readonly kind: 'upload-start'; readonly repository: RepositoryName; readonly query: string }
  | {
      readonly kind: 'upload'
      readonly repository: RepositoryName
      readonly id: string
      readonly query: string
    }

/** Streams one request to an external core and its answer back. */
export interface Forwarder {
  /**
   * `publicOrigin` (`https://host[:port]`) takes the place of the core's authority in `Location`, and `publicName`, the name
   * that the client used, the repository's place in it. Resolves when the answer has ended. Rejects with `UNAVAILABLE` (502, 504) while nothing has
   * been answered; a core that dies later resets the client's connection.
   */
  forward(
    req: IncomingMessage,
    res: ServerResponse,
    route: ForwardRoute,
    options: { publicOrigin: string; publicName: string },
  ): Promise<void>
}

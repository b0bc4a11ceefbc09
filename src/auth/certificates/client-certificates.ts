// Clients that show a certificate instead of a password: the TLS handshake has proved it, here it becomes an account.
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { Identity } from '../../access/identity.ts'
import type { LoginBackend } from '../login-backend.ts'
import { certificateName, type CertificateNaming } from './certificate-name.ts'

interface Known {
  readonly identity: Identity
  /** When the certificate expires, in ms since the epoch; connections live longer than handshakes. */
  readonly until: number
}

/** Has no passwords: as a login backend it vouches for the Bearer tokens that were got with a certificate. */
export class ClientCertificates implements LoginBackend {
  readonly name = 'certificate'
  readonly #naming: CertificateNaming
  readonly #state: string
  /** What was found once for a connection holds for all its requests. */
  readonly #known = new WeakMap<Socket, Known | 'nobody'>()

  constructor(naming: CertificateNaming) {
    this.#naming = naming
    this.#state = `${naming.user} ${naming.prefix}`
  }

  /** Whose certificate the connection was opened with; undefined without one that the listener's authorities signed. */
  identify({ socket }: { readonly socket: Socket }): Identity | undefined {
    let known = this.#known.get(socket)
    if (known === undefined) {
      known = this.#examine(socket) ?? 'nobody'
      this.#known.set(socket, known)
    }
    return known === 'nobody' || Date.now() > known.until ? undefined : known.identity
  }

  check(): Promise<undefined> {
    return Promise.resolve(undefined)
  }

  /** Constant as long as certificates mean the same accounts. */
  stateOf(_key: string): string {
    return this.#state
  }

  #examine(socket: Socket): Known | undefined {
    if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined
    // A resumed session shows what it was begun with; without a certificate there is nothing that was authorized.
    const certificate = socket.getPeerX509Certificate()
    if (!certificate) return undefined
    const name = certificateName(certificate, this.#naming)
    if (name === undefined) return undefined
    const account = { backend: this.name, key: name }
    return { identity: { name, method: 'certificate', account }, until: certificate.validToDate.getTime() }
  }
}

// One connection to a directory server: dialled, encrypted, and never dialled again behind our back.
import { once } from 'node:events'
import { connect, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { Client, type Entry } from 'ldapts'
import { BackendUnavailableError } from '../login-backend.ts'
import { startTls } from './start-tls.ts'

export interface LdapServer {
  /** `ldap://host[:port]` or `ldaps://host[:port]`. */
  readonly url: string
  /** On `ldap://`: encrypt before anything is said. Without it passwords travel in the clear. */
  readonly startTls: boolean
  /** PEM of the authorities that sign the server's certificate, in place of the system's. */
  readonly ca?: string | undefined
  /** How long connecting, and each answer, may take. */
  readonly timeoutMs: number
}

export interface LdapSearch {
  readonly base: string
  /** RFC 4515. */
  readonly filter: string
  readonly attributes: readonly string[]
  /** More entries are not sent. */
  readonly limit: number
}

/** The password, or the account that it belongs to, is not good (RFC 4511 §4.1.9, appendix A). */
const REFUSALS = new Set([
  19, // constraintViolation: too many guesses
  32, // noSuchObject
  34, // invalidDNSyntax
  48, // inappropriateAuthentication: there is no password
  49, // invalidCredentials
  50, // insufficientAccessRights
  53, // unwillingToPerform: locked, or to be changed first
])

export class LdapConnection {
  readonly #client: Client
  readonly #socket: Socket

  /** Rejects with {@link BackendUnavailableError}. */
  static async open(server: LdapServer): Promise<LdapConnection> {
    try {
      return new LdapConnection(await dial(server), server.timeoutMs)
    } catch (cause) {
      throw unavailable('the directory can not be reached', cause)
    }
  }

  private constructor(socket: Socket, timeoutMs: number) {
    this.#socket = socket
    let isTaken = false
    this.#client = new Client({
      url: 'ldap://connected',
      timeout: timeoutMs,
      connectTimeout: timeoutMs,
      // ldapts dials again by itself when a connection was lost: without TLS, and the next thing it sends is a password.
      createConnection: () => {
        if (isTaken || socket.destroyed) throw new Error('the connection is closed')
        isTaken = true
        return socket
      },
    })
  }

  get isOpen(): boolean {
    return !this.#socket.destroyed && this.#socket.readable && this.#socket.writable
  }

  /**
   * Becomes somebody; false when the server refuses that one. Without a name, nobody. Rejects with
   * {@link BackendUnavailableError}.
   */
  async bind(dn: string, password: string): Promise<boolean> {
    // RFC 4513 §5.1.2: a name without a password is "unauthenticated", and succeeds.
    if (dn !== '' && password === '') return false
    try {
      await this.#client.bind(dn, password)
      return true
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? Number(error.code) : Number.NaN
      if (REFUSALS.has(code)) return false
      throw unavailable('the directory does not answer a login', error)
    }
  }

  /** Rejects with {@link BackendUnavailableError}. */
  async search({ base, filter, attributes, limit }: LdapSearch): Promise<Entry[]> {
    try {
      const { searchEntries } = await this.#client.search(base, {
        scope: 'sub',
        filter,
        attributes: [...attributes],
        sizeLimit: limit,
        derefAliases: 'never',
      })
      return searchEntries
    } catch (cause) {
      throw unavailable('the directory does not answer a search', cause)
    }
  }

  close(): void {
    this.#socket.destroy()
  }
}

function unavailable(what: string, cause: unknown): BackendUnavailableError {
  const why = cause instanceof Error ? cause.message.split('\n').at(-1) : 'unknown reason'
  return new BackendUnavailableError(`${what}: ${why}`, { cause })
}

/** A socket that is ready for LDAP. Rejects when that takes longer than allowed. */
async function dial({ url, startTls: isUpgraded, ca, timeoutMs }: LdapServer): Promise<Socket> {
  const { protocol, hostname, port } = new URL(url)
  const host = hostname.replace(/^\[|\]$/g, '')
  const isTls = protocol === 'ldaps:'
  const plain = connect({ host, port: Number(port) || (isTls ? 636 : 389), keepAlive: true })
  const late = setTimeout(() => plain.destroy(new Error('it takes too long to connect')), timeoutMs)
  try {
    await once(plain, 'connect')
    // Who uses the connection is told by its end.
    plain.on('error', () => undefined)
    if (isUpgraded && !isTls) await raced(plain, startTls(plain))
    return isTls || isUpgraded ? await secured(plain, host, ca) : plain
  } catch (error) {
    plain.destroy()
    throw error
  } finally {
    clearTimeout(late)
  }
}

async function secured(plain: Socket, host: string, ca: string | undefined): Promise<Socket> {
  const socket = connectTls({
    socket: plain,
    host, // whose name the certificate must hold
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...(ca === undefined ? {} : { ca }),
    minVersion: 'TLSv1.2',
  })
  await raced(plain, once(socket, 'secureConnect'))
  socket.once('close', () => plain.destroy())
  return socket
}

/** `work`, unless the connection breaks first: not everything below TLS is told to those above. */
async function raced<Value>(plain: Socket, work: Promise<Value>): Promise<Value> {
  const { promise, reject } = Promise.withResolvers<never>()
  const onError = (error: Error): void => reject(error)
  const onClose = (): void => reject(new Error('the server ended the connection'))
  plain.once('error', onError).once('close', onClose)
  try {
    return await Promise.race([work, promise])
  } finally {
    plain.off('error', onError).off('close', onClose)
  }
}

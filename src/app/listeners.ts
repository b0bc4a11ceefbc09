// The public sockets of one process: opened together, closed together, their certificates replaced together.
import type { Config, ListenAddress, ListenerConfig } from '../config/config.ts'
import { createFront, type FrontOptions } from '../server/front.ts'
import { createHttpsRedirect } from '../server/https-redirect.ts'
import { Listener } from '../server/listener.ts'
import { loadTls } from './certificates.ts'

interface OpenListener {
  readonly config: ListenerConfig
  readonly listener: Listener
  readonly port: number
}

export class Listeners {
  readonly #opened: OpenListener[] = []
  readonly #ticketSecret: Uint8Array | undefined
  #tlsFiles: readonly string[] = []

  private constructor(ticketSecret: Uint8Array | undefined) {
    this.#ticketSecret = ticketSecret
  }

  /** Opens all of them; sessions can be resumed where the same `ticketSecret` is known. Rejects, and closes those that were open, when one cannot be. */
  static async open(config: Config, front: FrontOptions, ticketSecret?: Uint8Array): Promise<Listeners> {
    const listeners = new Listeners(ticketSecret)
    try {
      for (const each of config.listen) await listeners.#open(each, config, front)
    } catch (error) {
      await listeners.close(0)
      throw error
    }
    return listeners
  }

  /** As URLs. */
  get addresses(): readonly string[] {
    return this.#opened.map(({ config, port }) => urlOf(config.address, port, config.tls !== undefined))
  }

  /** Certificates and keys in use: to be watched. */
  get tlsFiles(): readonly string[] {
    return this.#tlsFiles
  }

  /** Reads every certificate again; when one is not valid none is replaced. */
  async reloadTls(): Promise<void> {
    const materials = await Promise.all(
      this.#opened.map(async ({ config, listener }) => ({
        listener,
        tls: await loadTls(config),
      })),
    )
    for (const { listener, tls } of materials) if (tls) listener.replaceTls(tls)
  }

  replaceTicketSecret(secret: Uint8Array): void {
    for (const { listener } of this.#opened) listener.replaceTicketSecret(secret)
  }

  /** See {@link Listener.close}. */
  async close(graceMs: number, options: Parameters<Listener['close']>[1] = {}): Promise<void> {
    await Promise.all(this.#opened.map(({ listener }) => listener.close(graceMs, options)))
  }

  async #open(config: ListenerConfig, { limits }: Config, front: FrontOptions): Promise<void> {
    const tls = await loadTls(config)
    if (tls) this.#tlsFiles = [...new Set([...this.#tlsFiles, ...tls.files])]
    const handler = config.redirectToHttps
      ? createHttpsRedirect(front.origins, () => this.#httpsPort())
      : createFront(front, tls !== undefined)
    const listener = new Listener({
      ...config.address,
      tls,
      handler,
      idleTimeoutMs: limits.idleTimeoutMs,
      ticketSecret: this.#ticketSecret,
    })
    const port = await listening(config.address, listener.listen())
    this.#opened.push({ config, listener, port })
  }

  #httpsPort(): number {
    return this.#opened.find(({ config }) => config.tls !== undefined)?.port ?? 443
  }
}

const REASONS: Record<string, string> = {
  EADDRINUSE: 'the port is in use: stop what listens there, or choose another one',
  EACCES: 'the port needs more rights: choose one above 1023, or grant CAP_NET_BIND_SERVICE',
  EADDRNOTAVAIL: 'the address is not one of this machine',
  ENOTFOUND: 'the host name is not known',
}

/** Rejects with the address that could not be listened on, and why. */
export async function listening(address: ListenAddress, port: Promise<number>): Promise<number> {
  try {
    return await port
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
    const reason = REASONS[code] ?? String(cause)
    throw new Error(`cannot listen on ${address.host ?? ''}:${address.port}: ${reason}`, { cause })
  }
}

/** What people reach an address by. */
export function urlOf({ host }: ListenAddress, port: number, isTls: boolean): string {
  const name = host === undefined || host === '0.0.0.0' || host === '::' ? 'localhost' : host
  return `${isTls ? 'https' : 'http'}://${name.includes(':') ? `[${name}]` : name}:${port}`
}

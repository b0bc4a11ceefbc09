// The kept connections to a core, by what proves it to us and us to it at the moment.
import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import type { TlsMaterial, TlsSource } from '../../upstream/tls-files.ts'

/** A kept connection is given up before the core's own side of it is likely to be. */
const KEPT_IDLE_MS = 15_000

export class CoreConnections {
  readonly #isTls: boolean
  readonly #tls: TlsSource
  #material: TlsMaterial | undefined
  #agent: HttpAgent

  constructor({ protocol }: URL, tls: TlsSource) {
    this.#isTls = protocol === 'https:'
    this.#tls = tls
    this.#agent = this.#agentWith({})
  }

  get agent(): HttpAgent {
    return this.#agent
  }

  /** Certificates that were replaced on disk are in force for the next connection; running requests keep theirs. */
  async refresh(): Promise<void> {
    const material = await this.#tls()
    if (material === this.#material) return
    this.#material = material
    this.#agent = this.#agentWith(material)
  }

  close(): void {
    this.#agent.destroy()
  }

  #agentWith(material: TlsMaterial): HttpAgent {
    const kept = { keepAlive: true, maxFreeSockets: 64, timeout: KEPT_IDLE_MS }
    return this.#isTls ? new HttpsAgent({ ...kept, ...material }) : new HttpAgent(kept)
  }
}

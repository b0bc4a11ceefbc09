// Takes over what can change while the gateway runs: grants, rules about ID tokens, password files, keys, certificates.
import type { Config } from '../config/config.ts'
import type { Logger } from '../telemetry/log.ts'
import type { Auth } from './build-auth.ts'
import { fixedSections } from './fixed-sections.ts'
import type { Listeners } from './listeners.ts'
import type { TokenKeyFiles } from './token-key-files.ts'

export interface ReloaderOptions {
  /** What the gateway was started with. */
  readonly config: Config
  readonly reloadConfig: () => Promise<Config>
  readonly auth: Auth
  readonly keyFiles: TokenKeyFiles
  readonly listeners: Listeners
  readonly logger: Logger
}

export class Reloader {
  readonly #options: ReloaderOptions
  #running: Promise<void> = Promise.resolve()

  constructor(options: ReloaderOptions) {
    this.#options = options
  }

  /** Never rejects: what is not valid keeps the old state, and is logged. One at a time: the last reading wins. */
  reload(): Promise<void> {
    this.#running = this.#running.then(() => this.#reload())
    return this.#running
  }

  /** Each part is taken over on its own: a password file that makes no sense must not keep a withdrawn grant in force. */
  async #reload(): Promise<void> {
    const { auth, keyFiles, listeners } = this.#options
    const next = await this.#take('grants', () => this.#replaceGrants())
    // With a configuration that makes no sense, those that were named before.
    if (keyFiles.files.length > 0) await this.#take('token keys', () => keyFiles.reload(next))
    if (auth.files.length > 0)
      await this.#take('certificates of token servers', () => auth.reloadExternalTokens())
    await this.#take('password file', () => auth.reloadPasswords())
    await this.#take('certificates', () => listeners.reloadTls())
  }

  async #take<Taken>(what: string, take: () => Promise<Taken>): Promise<Taken | undefined> {
    const { logger } = this.#options
    try {
      const taken = await take()
      logger.info({ what }, 'reloaded')
      return taken
    } catch (err) {
      logger.error({ what, err }, 'not reloaded: what was in force stays')
      return undefined
    }
  }

  async #replaceGrants(): Promise<Config> {
    const { config, reloadConfig, auth, logger } = this.#options
    const next = await reloadConfig()
    auth.replaceGrants(next)
    const sections = fixedSections(config, next, auth.hasAccounts)
    if (sections.length > 0)
      logger.warn({ sections }, 'these sections have changed: restart to take them over')
    return next
  }
}

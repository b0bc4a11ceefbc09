// What a reload and a rolling restart are where there are workers: the primary reads and checks, all of them take over.
import type { Message } from '../../cache/peers.ts'
import type { Config } from '../../config/config.ts'
import type { Logger } from '../../telemetry/log.ts'
import { loadTls } from '../certificates.ts'
import { fixedSections, withTakenOver } from '../fixed-sections.ts'
import type { Parts } from '../parts.ts'
import { loggedTakeOver } from '../reloader.ts'
import { takeOver } from '../take-over.ts'
import type { Crew } from './crew.ts'
import type { Crews } from './crews.ts'
import { encodeConfig, textOf, TOPIC } from './orders.ts'
import type { PrimaryPeers } from './primary-peers.ts'

/** The configuration that workers are started with: what ran at first, and what was taken over since. */
export interface InForce {
  config: Config
  /** Counts what was taken over. */
  changes: number
}

export interface PrimaryReloadOptions {
  readonly inForce: InForce
  readonly readConfig: () => Promise<Config>
  readonly parts: Pick<Parts, 'auth' | 'keyFiles'>
  readonly peers: PrimaryPeers
  readonly crews: Crews
  /** Its workers run by what is given, and later by what is in force. */
  readonly createCrew: (config: InForce) => Crew
  readonly logger: Logger
}

/** What new workers alone take over. The rest is the primary's, too, which only a restart changes. */
const OF_WORKERS: ReadonlySet<string> = new Set([
  'limits',
  'listen',
  'hideRepositories',
  'shutdownGrace',
  'workers',
])

export class PrimaryReload {
  readonly #options: PrimaryReloadOptions
  #tlsFiles: readonly string[] = []

  constructor(options: PrimaryReloadOptions) {
    this.#options = options
  }

  /** Certificates and keys in use: to be watched. */
  get tlsFiles(): readonly string[] {
    return this.#tlsFiles
  }

  /** Reads the listeners' certificates, and makes those of the local CA, before workers need them. Rejects when one is not valid. */
  async readTls(config: Config = this.#options.inForce.config): Promise<void> {
    const loaded = await Promise.all(config.listen.map(loadTls))
    this.#tlsFiles = [...new Set(loaded.flatMap((tls) => tls?.files ?? []))]
  }

  /** Resolves when the primary and every worker have taken over what can change. Never rejects. */
  async takeOver(): Promise<void> {
    const { inForce, readConfig, parts, logger } = this.#options
    const log = loggedTakeOver(logger)
    const refusedHere = new Set<string>()
    const refused = (what: string, error: unknown): void => {
      refusedHere.add(what)
      log.refused(what, error)
    }
    const reloadTls = () => this.readTls()
    const next = await takeOver({ ...parts, readConfig, reloadTls }, { ...log, refused })
    if (next) inForce.config = withTakenOver(inForce.config, next)
    inForce.changes += 1
    await this.#tellWorkers(refusedHere)
    if (next) await this.#takeOverFixed(next)
  }

  /** Replaces all workers, by ones with the configuration of now if it is valid. Never rejects. */
  async restart(): Promise<void> {
    const { readConfig, inForce, logger } = this.#options
    try {
      const next = await readConfig()
      const sections = this.#sectionsOfPrimary(next)
      if (sections.length > 0) this.#warn(sections)
      else await this.#replaceWorkers({ config: next, changes: inForce.changes })
    } catch (err) {
      logger.error({ err }, 'not restarted: the workers that run stay')
    }
  }

  /** A worker that started meanwhile may have missed what was taken over: `changes` counts what it was started with. */
  async catchUp(id: string, changes: number): Promise<void> {
    const { inForce, peers } = this.#options
    if (changes !== inForce.changes) await peers.askWorker(id, TOPIC.reload, encodeConfig(inForce.config))
  }

  /** What fails in the same way everywhere is told once. */
  async #tellWorkers(refusedHere: ReadonlySet<string>): Promise<void> {
    const { peers, inForce, logger } = this.#options
    for (const answer of await peers.ask(TOPIC.reload, encodeConfig(inForce.config)))
      for (const [what, message] of refusalsOf(answer))
        if (!refusedHere.has(what)) logger.error({ what, err: { message } }, 'not reloaded by a worker')
  }

  async #takeOverFixed(next: Config): Promise<void> {
    const { inForce, parts, logger } = this.#options
    const sections = fixedSections(inForce.config, next, parts.auth.hasAccounts)
    if (sections.length === 0) return
    if (this.#sectionsOfPrimary(next).length > 0) return this.#warn(sections)
    try {
      await this.#replaceWorkers({ config: next, changes: inForce.changes })
    } catch (err) {
      logger.error({ sections, err }, 'not restarted: the workers that run stay')
    }
  }

  #sectionsOfPrimary(next: Config): string[] {
    const { inForce, parts } = this.#options
    const sections = fixedSections(inForce.config, next, parts.auth.hasAccounts)
    return sections.filter((name) => !OF_WORKERS.has(name))
  }

  #warn(sections: readonly string[]): void {
    this.#options.logger.warn({ sections }, 'these sections have changed: restart to take them over')
  }

  async #replaceWorkers(next: InForce): Promise<void> {
    const { inForce, crews, createCrew, logger } = this.#options
    logger.info({ workers: next.config.workers }, 'workers are being replaced')
    await this.readTls(next.config)
    await crews.replace(() => createCrew(next), inForce.config.shutdownGraceMs)
    inForce.config = next.config
    logger.info({ workers: next.config.workers }, 'workers replaced')
  }
}

/** Of a worker of ours: `JSON.stringify` of pairs of what and why. */
function refusalsOf(answer: Message): [string, string][] {
  return JSON.parse(textOf(answer)) as [string, string][]
}

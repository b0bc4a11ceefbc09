// Reloads what has changed: when a file in use changes, once a day, and when it is told to.
import type { Config } from '../config/config.ts'
import type { AuditLog } from '../telemetry/audit-log.ts'
import type { Logger } from '../telemetry/log.ts'
import { FilesWatcher } from './files-watcher.ts'
import type { Parts } from './parts.ts'
import type { TakeOverReport } from './take-over.ts'

export interface ReloaderOptions {
  /** Takes over what has changed. Never rejects. */
  readonly takeOver: () => Promise<void>
  /** The files in use now, to be watched. */
  readonly files: () => readonly string[]
  readonly logger: Logger
}

const DAY_MS = 24 * 60 * 60 * 1000

export class Reloader {
  readonly #options: ReloaderOptions
  #running: Promise<void> = Promise.resolve()
  #watcher: FilesWatcher | undefined

  private constructor(options: ReloaderOptions) {
    this.#options = options
  }

  /** Ends with `stack`. Rejects when the files can not be watched. */
  static async start(options: ReloaderOptions, stack: AsyncDisposableStack): Promise<Reloader> {
    const reloader = new Reloader(options)
    const watcher = await FilesWatcher.start(options.files(), () => void reloader.reload())
    reloader.#watcher = watcher
    stack.defer(() => watcher.close())
    // A certificate of the local CA is renewed before it expires, also where nobody restarts for years.
    const daily = setInterval(() => void reloader.reload(), DAY_MS)
    stack.defer(() => clearInterval(daily))
    return reloader
  }

  /** Never rejects. One at a time: the last reading wins. */
  reload(): Promise<void> {
    this.#running = this.#running.then(() => this.#reload())
    return this.#running
  }

  async #reload(): Promise<void> {
    const { takeOver, files, logger } = this.#options
    await takeOver()
    try {
      // A new configuration may name other files, which may have changed since they were read.
      if (await this.#watcher?.watch(files())) await takeOver()
    } catch (err) {
      logger.error({ err }, 'files not watched: send SIGHUP when they change')
    }
    logger.info('reload has ended')
  }
}

export interface GatewayFiles {
  readonly config: Config
  readonly parts: Pick<Parts, 'auth' | 'keyFiles'>
  /** The certificates and keys of listeners. */
  readonly tlsFiles: () => readonly string[]
  readonly audit: Pick<AuditLog, 'reopen'> | undefined
}

/** Watches the configuration and all that it names; what is taken over is the caller's to say. */
export function startReloader(
  { config, parts: { auth, keyFiles }, tlsFiles, audit }: GatewayFiles,
  { takeOver, logger }: Omit<ReloaderOptions, 'files'>,
  stack: AsyncDisposableStack,
): Promise<Reloader> {
  const files = () => [
    ...tlsFiles(),
    ...keyFiles.files,
    ...auth.files,
    ...(config.file === undefined ? [] : [config.file]),
  ]
  const reopenAndTakeOver = (): Promise<void> => {
    // Somebody may have moved the file away.
    audit?.reopen()
    return takeOver()
  }
  return Reloader.start({ takeOver: reopenAndTakeOver, files, logger }, stack)
}

/** Tells the log what was taken over, and what was not. */
export function loggedTakeOver(logger: Logger): TakeOverReport {
  return {
    taken: (what) => logger.info({ what }, 'reloaded'),
    refused: (what, err) => logger.error({ what, err }, 'not reloaded: what was in force stays'),
  }
}

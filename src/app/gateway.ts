// The composition root: a configuration in, a running gateway out.
import { createNaming } from '../access/naming.ts'
import { createAdminApp } from '../admin/admin-app.ts'
import { Api } from '../api/api.ts'
import { Guard } from '../api/guard.ts'
import type { Config } from '../config/config.ts'
import { MIRROR_FAILURES } from '../core/mirror/as-cache.ts'
import { Observer } from '../server/observer.ts'
import { OriginResolver } from '../server/origin.ts'
import { createLog, type Logger } from '../telemetry/log.ts'
import { Metrics } from '../telemetry/metrics.ts'
import { buildAuth, type Auth } from './build-auth.ts'
import { buildCaches } from './build-caches.ts'
import { buildRegistry } from './build-registry.ts'
import { buildWeb } from './build-web.ts'
import { FilesWatcher } from './files-watcher.ts'
import { Listeners } from './listeners.ts'

const DAY_MS = 24 * 60 * 60 * 1000

export interface GatewayOptions {
  /** Reads the configuration again, for a reload. Rejects when it is not valid. */
  readonly reloadConfig: () => Promise<Config>
}

export interface Gateway {
  /** Where it listens, as URLs: public listeners first, the admin address last. */
  readonly addresses: readonly string[]
  /** Takes over certificates, password file, grants and groups. What is not valid keeps the old state, and is logged. */
  reload(): Promise<void>
  /** Stops accepting, lets running requests end within the configured grace, and lets go of everything. */
  close(): Promise<void>
}

/** Starts everything, or nothing: rejects with one line that says what is wrong. */
export async function startGateway(config: Config, { reloadConfig }: GatewayOptions): Promise<Gateway> {
  await using opened = new AsyncDisposableStack()
  const log = createLog(config.logging)
  opened.defer(() => log.flush())
  const { logger } = log
  const metrics = new Metrics()
  const caches = buildCaches(config.cache)
  opened.defer(() => caches.close())
  logMirrorFailures(logger, opened)
  const { registry, checkStores } = await buildRegistry(config, caches, opened)
  const auth = await buildAuth(config, logger, opened)
  const naming = createNaming(namingOptions(config))
  const tokenService = auth.tokens && { service: auth.tokens.service }
  const front = {
    api: new Api({ registry, naming, guard: new Guard({ ...auth, tokenService }) }),
    web: buildWeb(auth, naming),
    origins: new OriginResolver(config),
    observer: new Observer({ logger, metrics }),
  }
  const admin = createAdminApp({ checkHealth: checkStores, renderMetrics: () => metrics.render() })
  const listeners = await Listeners.open(config, front, admin)
  opened.defer(() => listeners.close(config.shutdownGraceMs))
  const reload = () => reloaded({ reloadConfig, auth, listeners, logger })
  const files = [...listeners.tlsFiles, ...(config.file === undefined ? [] : [config.file])]
  const watcher = await FilesWatcher.start(files, () => void reload())
  opened.defer(() => watcher.close())
  // A certificate of the local CA is renewed before it expires, also where nobody restarts for years.
  const daily = setInterval(() => void reload(), DAY_MS)
  opened.defer(() => clearInterval(daily))
  const running = opened.move()
  return { addresses: listeners.addresses, reload, close: () => running.disposeAsync() }
}

function namingOptions({ upstreams, hosts }: Config) {
  const namespaces = [...upstreams.values()].flatMap(({ namespace }) => namespace ?? [])
  const defaults = [...hosts].flatMap(([host, { defaultNamespace }]) =>
    defaultNamespace === undefined ? [] : [[host, defaultNamespace] as const],
  )
  return { namespaces, defaultNamespaces: new Map(defaults) }
}

/** What a mirror could not keep costs another download; nobody else is told. */
function logMirrorFailures(logger: Logger, stack: AsyncDisposableStack): void {
  const log = (message: unknown) => logger.warn({ err: errorOf(message) }, 'mirror: not kept')
  MIRROR_FAILURES.subscribe(log)
  stack.defer(() => void MIRROR_FAILURES.unsubscribe(log))
}

function errorOf(message: unknown): unknown {
  return typeof message === 'object' && message !== null && 'error' in message ? message.error : message
}

interface Reloading extends GatewayOptions {
  readonly auth: Auth
  readonly listeners: Listeners
  readonly logger: Logger
}

/** Each part is taken over on its own: a broken certificate must not keep a withdrawn grant in force. */
async function reloaded({ reloadConfig, auth, listeners, logger }: Reloading): Promise<void> {
  const parts: [string, () => Promise<void>][] = [
    ['grants', async () => auth.replaceGrants(await reloadConfig())],
    ['password file', () => auth.reloadPasswords()],
    ['certificates', () => listeners.reloadTls()],
  ]
  for (const [what, take] of parts) {
    try {
      await take()
      logger.info({ what }, 'reloaded')
    } catch (err) {
      logger.error({ what, err }, 'not reloaded: what was in force stays')
    }
  }
}

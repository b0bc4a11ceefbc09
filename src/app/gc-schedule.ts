// Garbage collection by the clock.
import { setTimeout as pause } from 'node:timers/promises'
import { Cron } from 'croner'
import type { StoreOperation, StoreOperations } from '../admin/store-api.ts'
import type { Config, StoreConfig } from '../config/config.ts'
import { GcRefusedError } from '../core/bundled/gc/collector.ts'
import type { Logger } from '../telemetry/log.ts'

/** Collects each store when its `schedule` says so, until `stack` is closed; a run that goes on then is stopped. */
export function scheduleGc(
  { stores }: Config,
  operations: ReadonlyMap<string, StoreOperations>,
  logger: Logger,
  stack: AsyncDisposableStack,
): void {
  for (const store of stores.values()) {
    const { gc: collect, retention } = operations.get(store.name) ?? {}
    if (store.gc.schedule === undefined || !collect) continue
    const removesTags = !store.isReadOnly && store.tagRules.some(({ keep }) => keep !== undefined)
    const stopped = new AbortController()
    let running: Promise<void> = Promise.resolve()
    // One that is due while another goes on is left out.
    const job = new Cron(store.gc.schedule, { protect: true, unref: true }, () => {
      running = run(store, { collect, retain: removesTags ? retention : undefined }, logger, stopped.signal)
      return running
    })
    stack.defer(async () => {
      job.stop()
      stopped.abort()
      await running
    })
  }
}

interface ScheduledWork {
  readonly collect: StoreOperation
  /** Comes first: what it untags can be collected. Undefined where no rule removes tags. */
  readonly retain: StoreOperation | undefined
}

/** Never rejects: what goes wrong is logged, and tried again the next time. */
async function run(
  { name, gc }: StoreConfig,
  { collect, retain }: ScheduledWork,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  const log = logger.child({ store: name })
  try {
    if (retain) log.info(await resultOf(retain({}, signal)), 'retention applied')
    const report = await collected(() => collect({ untagged: gc.removesUntagged }, signal), signal)
    log.info(report, 'garbage collected')
  } catch (err) {
    if (signal.aborted) log.info('garbage collection stopped: the next one goes on')
    else log.error({ err }, 'garbage not collected')
  }
}

/** Soon after a start clients may still count on what an earlier process told them: that is waited out. */
async function collected(
  begin: () => AsyncGenerator<object, object, void>,
  signal: AbortSignal,
): Promise<object> {
  for (;;) {
    try {
      return await resultOf(begin())
    } catch (error) {
      const retryAt = retryTimeOf(error)
      if (retryAt === undefined) throw error
      await pause(Math.max(0, retryAt - Date.now()), undefined, { signal, ref: false })
    }
  }
}

async function resultOf(steps: AsyncGenerator<object, object, void>): Promise<object> {
  for (;;) {
    const { done, value } = await steps.next()
    if (done) return value
  }
}

function retryTimeOf(error: unknown): number | undefined {
  const cause = error instanceof Error ? error.cause : undefined
  return cause instanceof GcRefusedError ? cause.retryAt : undefined
}

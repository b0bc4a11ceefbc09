// What lower layers publish, for the log and the metrics.
import type { Channel, ChannelListener } from 'node:diagnostics_channel'
import { DAMAGED_BLOBS, type DamagedBlob } from '../core/bundled/scrub/quarantine.ts'
import { UPLOADS_PURGED, type PurgeReport } from '../core/bundled/upload-purge.ts'
import { MIRROR_FAILURES } from '../core/mirror/as-cache.ts'
import { STORE_USAGE, type StoreUsage } from '../core/mirror/eviction/store-usage.ts'
import type { Logger } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'

/** Until `stack` is closed. */
export function logEvents(logger: Logger, stack: AsyncDisposableStack): void {
  listen(MIRROR_FAILURES, stack, (message) => {
    // What a mirror could not keep costs another download; nobody else is told.
    logger.warn({ err: errorOf(message) }, 'mirror: not kept')
  })
  listen(STORE_USAGE, stack, (message) => {
    const { store, bytes, evicted } = message as StoreUsage // nothing else is published there
    if (evicted.bytes > 0) logger.info({ store, bytes, evicted }, 'mirror: evicted')
  })
  listen(UPLOADS_PURGED, stack, (message) => {
    const { purged, failures } = message as PurgeReport // nothing else is published there
    if (purged > 0) logger.info({ purged }, 'stale upload sessions removed')
    for (const err of failures) logger.warn({ err }, 'stale upload session not removed')
  })
  listen(DAMAGED_BLOBS, stack, (message) => {
    const { digest, movedTo } = message as DamagedBlob // nothing else is published there
    logger.error({ digest, movedTo }, 'damaged content moved aside: push it again')
  })
}

/** Until `stack` is closed. */
export function measureStores(metrics: Pick<Metrics, 'storeChanged'>, stack: AsyncDisposableStack): void {
  listen(STORE_USAGE, stack, (message) => metrics.storeChanged(message as StoreUsage)) // nothing else is published there
}

function listen(events: Channel, stack: AsyncDisposableStack, listener: ChannelListener): void {
  events.subscribe(listener)
  stack.defer(() => {
    events.unsubscribe(listener)
  })
}

function errorOf(message: unknown): unknown {
  return typeof message === 'object' && message !== null && 'error' in message ? message.error : message
}

// Images that are pulled through the mirrors by the clock, before anybody asks for them.
import { Cron } from 'croner'
import type { StoreOperation, StoreOperations } from '../admin/store-api.ts'
import type { Config, WarmUpConfig } from '../config/config.ts'
import type { Logger } from '../telemetry/log.ts'
import type { PulledImage } from './mirror-operations.ts'

/** Until `stack` is closed; what goes on then is stopped, and goes on where it was the next time. */
export function scheduleWarmUps(
  { warmUp }: Config,
  operations: ReadonlyMap<string, StoreOperations>,
  logger: Logger,
  stack: AsyncDisposableStack,
): void {
  // Each of them pulls through any route.
  const pull = [...operations.values()].find((each) => each['pull'])?.['pull']
  if (!pull) {
    if (warmUp.length > 0) logger.warn('warmUp pulls nothing: no route is a mirror')
    return
  }
  for (const each of warmUp) {
    const stopped = new AbortController()
    let running: Promise<void> = Promise.resolve()
    // One that is due while another goes on is left out.
    const job = new Cron(each.schedule, { protect: true, unref: true }, () => {
      running = run(each, pull, logger, stopped.signal)
      return running
    })
    stack.defer(async () => {
      job.stop()
      stopped.abort()
      await running
    })
  }
}

/** Never rejects: what goes wrong is logged, and tried again the next time. */
async function run(
  { images, platforms }: WarmUpConfig,
  pull: StoreOperation,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  try {
    const steps = pull({ images, platforms }, signal)
    let next = await steps.next()
    while (!next.done) next = await steps.next()
    const pulled = (next.value as { images: PulledImage[] }).images // what the operation answers
    for (const image of pulled) {
      if ('error' in image) logger.error(image, 'image not pulled ahead')
      else logger.info(image, 'image pulled ahead')
    }
  } catch (err) {
    if (signal.aborted) logger.info('pulling ahead stopped: the next time goes on')
    else logger.error({ err }, 'images not pulled ahead')
  }
}

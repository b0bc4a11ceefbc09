// What the signals of a service mean: stop, stop at once, reload, replace the workers.
import type { EventEmitter } from 'node:events'

/** What is run. */
export interface Stoppable {
  close(): Promise<void>
  reload(): Promise<void>
  restart(): Promise<void>
  /** Rejects when it can not go on. */
  readonly failed: Promise<never>
}

export interface RunOptions<Service> {
  /** Emits SIGTERM, SIGINT, SIGHUP and SIGUSR2: the process. */
  readonly signals: EventEmitter
  readonly onStarted: (service: Service) => void
  /** Ends the process without waiting for anything. */
  readonly stopNow: () => void
}

/** npm passes on a Ctrl-C that the terminal has sent to its child already: one press must not count as two. */
const SAME_PRESS_MS = 500
const STOP_SIGNALS = ['SIGTERM', 'SIGINT'] as const

/**
 * Starts a service and resolves when it has been closed: by the first SIGTERM or SIGINT, also one that comes while it
 * starts. Rejects when it does not start, and when it can not go on.
 */
export async function runUntilStopped<Service extends Stoppable>(
  start: () => Promise<Service>,
  { signals, onStarted, stopNow }: RunOptions<Service>,
): Promise<void> {
  const stopped = Promise.withResolvers<void>()
  let firstAt: number | undefined
  let reload = () => {}
  let restart = () => {}
  const onStop = () => {
    if (firstAt !== undefined && performance.now() - firstAt > SAME_PRESS_MS) stopNow()
    firstAt ??= performance.now()
    stopped.resolve()
  }
  const onReload = () => reload()
  const onRestart = () => restart()
  for (const signal of STOP_SIGNALS) signals.on(signal, onStop)
  signals.on('SIGHUP', onReload)
  signals.on('SIGUSR2', onRestart)
  try {
    const service = await start()
    reload = () => void service.reload()
    restart = () => void service.restart()
    onStarted(service)
    try {
      await Promise.race([stopped.promise, service.failed])
    } finally {
      await service.close()
    }
  } finally {
    for (const signal of STOP_SIGNALS) signals.off(signal, onStop)
    signals.off('SIGHUP', onReload)
    signals.off('SIGUSR2', onRestart)
  }
}

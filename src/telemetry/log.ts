// The log: one JSON line per event, or readable lines on a terminal.
import pino, { type Logger } from 'pino'
import pretty from 'pino-pretty'

export type { Logger } from 'pino'

export interface LogOptions {
  /** `auto`: pretty on a terminal, JSON otherwise. */
  readonly format: 'auto' | 'json' | 'pretty'
  readonly level: 'error' | 'warn' | 'info' | 'debug'
}

/** Lines wait in memory until there are this many bytes of them, or for {@link FLUSH_MS}. */
const BATCH_BYTES = 8 * 1024
const FLUSH_MS = 200

export interface Log {
  readonly logger: Logger
  /** Writes what still waits; to be called before the process ends. */
  flush(): void
}

/** Writes to standard output. Errors keep their stack and causes; nothing secret may be passed in. */
export function createLog({ format, level }: LogOptions): Log {
  const isPretty = format === 'pretty' || (format === 'auto' && process.stdout.isTTY)
  if (isPretty) {
    const stream = pretty({ colorize: process.stdout.isTTY, ignore: 'pid,hostname', sync: true })
    return { logger: pino({ level }, stream), flush: () => {} }
  }
  const destination = pino.destination({
    fd: 1,
    sync: false,
    minLength: BATCH_BYTES,
    periodicFlush: FLUSH_MS,
  })
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: levelName },
  }
  return { logger: pino(options, destination), flush: () => flushSync(destination) }
}

function levelName(label: string): { level: string } {
  return { level: label }
}

function flushSync(destination: ReturnType<typeof pino.destination>): void {
  try {
    destination.flushSync()
  } catch {
    // Standard output is gone: there is nobody left to tell.
  }
}

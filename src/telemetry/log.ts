// The log: one JSON line per event, or readable lines on a terminal.
import pino, { type Logger } from 'pino'
import { accessLine, type AccessRecord } from './access-line.ts'
import { LineWriter } from './line-writer.ts'

export type { Logger } from 'pino'

export interface LogOptions {
  /** `auto`: pretty on a terminal, JSON otherwise. */
  readonly format: 'auto' | 'json' | 'pretty'
  readonly level: 'error' | 'warn' | 'info' | 'debug'
}

export interface Log {
  readonly logger: Logger
  /** Writes the line of a request that went as it should. */
  readonly access: (record: AccessRecord) => void
  /** Writes a line of somebody else's as it is; it ends with a line feed. */
  readonly line: (text: string) => void
  /** Takes a JSON line, with a line feed, out of the log of another process. */
  readonly relay: (line: string) => void
  /** Resolves when everything is written; to be called before the process ends. */
  flush(): Promise<void>
}

const STDOUT = 1

/** Writes to standard output. Errors keep their stack and causes; nothing secret may be passed in. */
export async function createLog({ format, level }: LogOptions): Promise<Log> {
  const isPretty = format === 'pretty' || (format === 'auto' && process.stdout.isTTY)
  return isPretty ? createPrettyLog(level) : createJsonLog(level)
}

async function createPrettyLog(level: LogOptions['level']): Promise<Log> {
  const { default: pretty } = await import('pino-pretty')
  const stream = pretty({ colorize: process.stdout.isTTY, ignore: 'pid,hostname', sync: true })
  const logger = pino({ level }, stream)
  return {
    logger,
    access: (record) => logger.info(record, 'request'),
    line: (text) => void process.stdout.write(text),
    relay: (line) => void stream.write(line),
    flush: () => Promise.resolve(),
  }
}

function createJsonLog(level: LogOptions['level']): Log {
  const writer = new LineWriter(STDOUT)
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: levelName },
  }
  const logger = pino(options, { write: (line: string) => writer.write(line) })
  const isWanted = logger.isLevelEnabled('info')
  return {
    logger,
    access: (record) => isWanted && writer.write(accessLine(record, Date.now())),
    line: (text) => writer.write(text),
    relay: (line) => writer.write(line),
    flush: () => writer.flush(),
  }
}

function levelName(label: string): { level: string } {
  return { level: label }
}

// Many small requests over kept-alive connections, by wrk.
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { CLIENT_CORE, pinned } from '../pinned.ts'

const REPORT = join(import.meta.dirname, 'report.lua')
const PACED = join(import.meta.dirname, 'paced.lua')
const PUT_MANIFESTS = join(import.meta.dirname, 'put-manifests.lua')

export interface WrkOptions {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly connections: number
  readonly seconds: number
  readonly signal: AbortSignal
  /** For the clients, as taskset has them; one of their own by default. */
  readonly cores?: string | undefined
  /** A file with the manifest to put under ever new tags (see put-manifests.lua); undefined: GETs of `url`. */
  readonly manifestFile?: string | undefined
  /** Whether every request has to be refused, with a status of 400 or above. */
  readonly isRefused?: boolean | undefined
  /** How long each connection waits between two requests; undefined: not at all. */
  readonly paceMs?: number
}

export interface WrkSummary {
  readonly requests: number
  readonly seconds: number
  readonly p50Ms: number
  readonly p99Ms: number
}

/** What report.lua says. */
interface Report extends WrkSummary {
  readonly failed: number
  readonly refused: number
}

/** Rejects when a single request was not answered, or refused where that was not expected. */
export async function runWrk({
  url,
  headers,
  connections,
  seconds,
  signal,
  manifestFile,
  paceMs,
  cores = String(CLIENT_CORE),
  isRefused = false,
}: WrkOptions): Promise<WrkSummary> {
  const head = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`])
  const script = manifestFile !== undefined ? PUT_MANIFESTS : paceMs !== undefined ? PACED : REPORT
  const size = [`-t${cores.split(',').length}`, `-c${connections}`, `-d${seconds}s`, '--timeout', '30s']
  const [program, ...args] = pinned(cores, ['wrk', ...size, '-s', script, ...head, url])
  const env = { ...process.env, REPORT, MANIFEST: manifestFile, PACE_MS: paceMs?.toString() }
  const options = { signal, timeout: (seconds + 60) * 1000, env }
  const { stdout } = await promisify(execFile)(program, args, options)
  const json = /^summary (.*)$/m.exec(stdout)?.[1]
  if (json === undefined) throw new Error(`wrk said nothing that is understood:\n${stdout}`)
  const { failed, refused, ...summary } = JSON.parse(json) as Report
  const isAsExpected = refused === (isRefused ? summary.requests : 0)
  if (failed > 0 || !isAsExpected || summary.requests === 0)
    throw new Error(`${failed + refused} of ${summary.requests} requests to ${url} failed:\n${stdout}`)
  return summary
}

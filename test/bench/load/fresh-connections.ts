// Requests that open a connection each, as dockerd's and skopeo's do, by curl: every handshake is a whole one.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { CLIENT_CORE, pinned } from '../pinned.ts'
import { median, percentile } from '../statistics.ts'

export interface FreshConnectionsOptions {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly requests: number
  /** How many at one time. */
  readonly connections: number
  readonly signal: AbortSignal
}

export interface FreshConnectionsSummary {
  readonly seconds: number
  /** From the first packet of the connection to the last byte of the answer. */
  readonly p50Ms: number
  readonly p99Ms: number
}

// wrk takes TLS sessions up again. These clients do not, and curl does not when it is told so.
const FLAGS = ['-sS', '-k', '--http1.1', '--noproxy', '*', '--no-sessionid', '-H', 'Connection: close']

/** Rejects when a single request was not answered with 200. */
export async function requestOnFreshConnections({
  url,
  headers,
  requests,
  connections,
  signal,
}: FreshConnectionsOptions): Promise<FreshConnectionsSummary> {
  const head = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`])
  const size = ['--parallel', '--parallel-max', String(connections)]
  const report = ['--output', '/dev/null', '--write-out', '%{http_code} %{num_connects} %{time_total}\n']
  // The fragment, which is not sent, makes each a URL of its own.
  const target = `${url}#[1-${requests}]`
  const [program, ...args] = pinned(CLIENT_CORE, ['curl', ...FLAGS, ...size, ...head, ...report, target])
  const startedAt = performance.now()
  const { stdout } = await promisify(execFile)(program, args, { signal, maxBuffer: 64 * 1024 ** 2 })
  const seconds = (performance.now() - startedAt) / 1000
  return { seconds, ...latenciesOf(stdout, requests) }
}

/** From what curl writes out: the status, the connections that were opened, the seconds. */
export function latenciesOf(output: string, requests: number): { p50Ms: number; p99Ms: number } {
  const lines = output.trim().split('\n')
  const times = lines.flatMap((line) => {
    const [, seconds] = /^200 1 ([\d.]+)$/.exec(line) ?? []
    return seconds === undefined ? [] : [Number(seconds) * 1000]
  })
  if (times.length !== requests)
    throw new Error(`${requests - times.length} of ${requests} requests failed; the last: ${lines.at(-1)}`)
  return { p50Ms: median(times), p99Ms: percentile(times, 99) }
}

// Whole blobs, by curl: as fast as it goes, or at a rate.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { CLIENT_CORE, pinned } from '../pinned.ts'
import { BASIC } from '../system.ts'

const FLAGS = ['-sS', '--fail', '--http1.1', '--noproxy', '*', '--output', '/dev/null']

export interface CurlOptions {
  readonly url: string
  /** Path of the certificate to trust. */
  readonly certificate: string
  /** Undefined: as fast as it goes. */
  readonly bytesPerSecond?: number | undefined
  readonly signal: AbortSignal
}

/** Reads a blob to its end and throws the bytes away. Answers how many there were. */
export async function pullBlob(options: CurlOptions): Promise<number> {
  return Number(await curl(options, ['--write-out', '%{size_download}']))
}

/** Streams a file in chunked encoding into an upload session, as docker does. */
export async function patchUpload(options: CurlOptions, file: string): Promise<void> {
  const headers = ['Transfer-Encoding: chunked', 'Content-Type: application/octet-stream']
  const body = ['--request', 'PATCH', '--upload-file', file]
  await curl(options, [...headers.flatMap((header) => ['--header', header]), ...body])
}

async function curl(options: CurlOptions, args: readonly string[]): Promise<string> {
  const { url, certificate, bytesPerSecond, signal } = options
  const rate = bytesPerSecond === undefined ? [] : ['--limit-rate', String(bytesPerSecond)]
  const trust = ['--cacert', certificate, '--header', `Authorization: ${BASIC}`]
  const [program, ...all] = pinned(CLIENT_CORE, ['curl', ...FLAGS, ...trust, ...rate, ...args, url])
  const { stdout } = await promisify(execFile)(program, all, { signal, timeout: 20 * 60_000 })
  return stdout
}

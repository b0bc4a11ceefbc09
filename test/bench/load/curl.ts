// Whole blobs, by curl: as fast as it goes, or at a rate.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { StoredBlob } from '../content/content.ts'
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

/** Pushes a blob as docker does, to the URL of a repository's uploads: POST, one PATCH in chunked encoding, PUT. */
export async function pushBlob(options: CurlOptions, { digest, file }: StoredBlob): Promise<void> {
  const chunked = [
    '--header',
    'Transfer-Encoding: chunked',
    '--header',
    'Content-Type: application/octet-stream',
  ]
  const begun = await startUpload(options)
  const sent = await locationOf({ ...options, url: begun }, [
    ...chunked,
    '-X',
    'PATCH',
    '--upload-file',
    file,
  ])
  const end = new URL(sent)
  end.searchParams.set('digest', digest)
  await curl({ ...options, url: end.href }, ['-X', 'PUT', '--header', 'Content-Length: 0'])
}

/** Begins an upload session. Answers its URL. */
export function startUpload(options: CurlOptions): Promise<string> {
  return locationOf(options, ['-X', 'POST', '--header', 'Content-Length: 0'])
}

async function locationOf(options: CurlOptions, args: readonly string[]): Promise<string> {
  const location = await curl(options, [...args, '--write-out', '%header{location}'])
  return new URL(location, options.url).href
}

async function curl(options: CurlOptions, args: readonly string[]): Promise<string> {
  const { url, certificate, bytesPerSecond, signal } = options
  const rate = bytesPerSecond === undefined ? [] : ['--limit-rate', String(bytesPerSecond)]
  const trust = ['--cacert', certificate, '--header', `Authorization: ${BASIC}`]
  const [program, ...all] = pinned(CLIENT_CORE, ['curl', ...FLAGS, ...trust, ...rate, ...args, url])
  const { stdout } = await promisify(execFile)(program, all, { signal, timeout: 20 * 60_000 })
  return stdout
}

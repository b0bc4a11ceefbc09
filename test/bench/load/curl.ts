// Whole blobs, by curl: as fast as it goes, or at a rate.
import { execFile } from 'node:child_process'
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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
  /** Whether it leaves the core to other clients where they want it. */
  readonly isPatient?: boolean
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
  await finishUpload(options, sent, digest)
}

/** Pushes a blob in pieces: POST, PATCHes with a `Content-Range`, PUT (distribution-spec, "Pushing a blob in chunks"). */
export async function pushBlobInChunks(
  options: CurlOptions,
  { digest, file, size }: StoredBlob,
  chunkBytes: number,
): Promise<void> {
  let location = await startUpload(options)
  await using source = await open(file)
  const chunkFolder = await mkdtemp(join(tmpdir(), 'dockgate-bench-'))
  await using stack = new AsyncDisposableStack()
  stack.defer(() => rm(chunkFolder, { recursive: true }))
  const [chunk, chunkFile] = [Buffer.alloc(chunkBytes), join(chunkFolder, 'chunk')]
  for (let start = 0; start < size; start += chunkBytes) {
    const { bytesRead } = await source.read(chunk, 0, chunkBytes, start)
    await writeFile(chunkFile, chunk.subarray(0, bytesRead))
    const range = ['--header', `Content-Range: ${start}-${start + bytesRead - 1}`]
    const type = ['--header', 'Content-Type: application/octet-stream', '--header', 'Expect:']
    const body = ['-X', 'PATCH', '--data-binary', `@${chunkFile}`]
    location = await locationOf({ ...options, url: location }, [...range, ...type, ...body])
  }
  await finishUpload(options, location, digest)
}

/** Begins an upload session. Answers its URL. */
export function startUpload(options: CurlOptions): Promise<string> {
  return locationOf(options, ['-X', 'POST', '--header', 'Content-Length: 0'])
}

async function finishUpload(options: CurlOptions, location: string, digest: string): Promise<void> {
  const end = new URL(location)
  end.searchParams.set('digest', digest)
  await curl({ ...options, url: end.href }, ['-X', 'PUT', '--header', 'Content-Length: 0'])
}

async function locationOf(options: CurlOptions, args: readonly string[]): Promise<string> {
  const location = await curl(options, [...args, '--write-out', '%header{location}'])
  return new URL(location, options.url).href
}

async function curl(options: CurlOptions, args: readonly string[]): Promise<string> {
  const { url, certificate, bytesPerSecond, signal, isPatient } = options
  const rate = bytesPerSecond === undefined ? [] : ['--limit-rate', String(bytesPerSecond)]
  const trust = ['--cacert', certificate, '--header', `Authorization: ${BASIC}`]
  const rank = isPatient === true ? ['nice', '-n', '19'] : []
  const [program, ...all] = pinned(CLIENT_CORE, [...rank, 'curl', ...FLAGS, ...trust, ...rate, ...args, url])
  const { stdout } = await promisify(execFile)(program, all, { signal, timeout: 20 * 60_000 })
  return stdout
}

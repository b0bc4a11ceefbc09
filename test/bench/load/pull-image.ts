// A whole image by one client over one connection, by curl: the manifest, then blob after blob.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Image } from '../../support/images.ts'
import { manifestPath } from '../content/content.ts'
import { CLIENT_CORE, pinned } from '../pinned.ts'
import { BASIC } from '../system.ts'

export interface ImagePull {
  /** Of the system. */
  readonly url: string
  readonly repository: string
  readonly tag: string
  readonly image: Image
  /** Path of the certificate to trust. */
  readonly certificate: string
  readonly signal: AbortSignal
}

const FLAGS = ['-sS', '--fail', '--http1.1', '--noproxy', '*']

/** So many clients at one time. Rejects when one of them does not get every byte. */
export async function pullByCrowd(pull: ImagePull, clients: number): Promise<void> {
  await Promise.all(Array.from({ length: clients }, () => pullImage(pull)))
}

async function pullImage({ url, repository, tag, image, certificate, signal }: ImagePull): Promise<void> {
  const paths = [
    manifestPath(repository, tag),
    ...image.blobs.map(({ digest }) => `/v2/${repository}/blobs/${digest}`),
  ]
  const targets = paths.flatMap((path) => ['--output', '/dev/null', `${url}${path}`])
  const accept = ['--header', `Accept: ${image.manifest.mediaType}`]
  const login = ['--cacert', certificate, '--header', `Authorization: ${BASIC}`]
  const report = ['--write-out', '%{size_download}\n']
  const [program, ...args] = pinned(CLIENT_CORE, [
    'curl',
    ...FLAGS,
    ...login,
    ...accept,
    ...report,
    ...targets,
  ])
  const { stdout } = await promisify(execFile)(program, args, { signal, timeout: 10 * 60_000 })
  const bytes = stdout
    .trim()
    .split('\n')
    .reduce((sum, line) => sum + Number(line), 0)
  if (bytes !== sizeOf(image)) throw new Error(`${bytes} of ${sizeOf(image)} bytes came from ${url}`)
}

/** Bytes that a pull of all of it moves. */
export function sizeOf({ manifest, blobs }: Image): number {
  return blobs.reduce((sum, { size }) => sum + size, manifest.size)
}

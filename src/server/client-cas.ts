// The authorities that sign client certificates: read and checked before a listener takes them.
import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { TlsFileError } from './tls-files.ts'

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g

/** The certificates in the files, as PEM. Rejects with a {@link TlsFileError} for a file without any, or with another one. */
export async function loadClientCas(files: readonly string[]): Promise<string[]> {
  return (await Promise.all(files.map(readAuthorities))).flat()
}

async function readAuthorities(file: string): Promise<string[]> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new TlsFileError(file, 'cannot be read', { cause })
  })
  const blocks = text.match(PEM_CERTIFICATE) ?? []
  if (blocks.length === 0)
    throw new TlsFileError(file, 'holds no PEM certificate ("-----BEGIN CERTIFICATE-----")')
  for (const block of blocks)
    if (!isAuthority(block, file))
      throw new TlsFileError(file, 'holds a certificate that is no authority (CA:FALSE)')
  return blocks
}

function isAuthority(block: string, file: string): boolean {
  try {
    return new X509Certificate(block).ca
  } catch (cause) {
    throw new TlsFileError(file, 'holds a certificate that cannot be parsed', { cause })
  }
}

// An authority for client certificates, made by openssl, and the certificates that it signs.
import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { temporaryFolder, type Scope } from './scope.ts'

export interface ClientCertificate {
  /** PEM. */
  readonly cert: string
  readonly key: string
  /** Paths of the same. */
  readonly certFile: string
  readonly keyFile: string
}

export interface ClientAuthority {
  /** Path of the PEM certificate. */
  readonly file: string
  readonly pem: string
  /** Signs a certificate: `subject` as `/CN=ci`, alternative names as `email:ci@example.com`. */
  issue(subject: string, alternatives?: readonly string[]): Promise<ClientCertificate>
}

const ALGORITHM = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

export async function makeClientAuthority(t: Scope): Promise<ClientAuthority> {
  const folder = await temporaryFolder(t)
  const [file, key] = [join(folder, 'ca.crt'), join(folder, 'ca.key')]
  // Of its own name: an authority of another test must not be taken for this one.
  const subject = ['-subj', `/CN=clients of ${basename(folder)}`, '-days', '1']
  await openssl('req', '-x509', ...ALGORITHM, ...subject, '-keyout', key, '-out', file)
  let issued = 0
  return {
    file,
    pem: await readFile(file, 'utf8'),
    async issue(name, alternatives = []) {
      const base = join(folder, String(++issued))
      const [keyFile, certFile, request, extensions] = ['key', 'crt', 'csr', 'ext'].map(
        (end) => `${base}.${end}`,
      )
      if (!keyFile || !certFile || !request || !extensions) throw new Error('four files')
      // In a section of their own, where commas are no separators.
      const names = alternatives.map((each, index) => each.replace(':', `.${index}=`))
      const lines = ['extendedKeyUsage=clientAuth']
      if (names.length > 0) lines.push('subjectAltName=@names', '[names]', ...names)
      await writeFile(extensions, lines.join('\n'))
      await openssl('req', ...ALGORITHM, '-utf8', '-subj', name, '-keyout', keyFile, '-out', request)
      const signer = ['-CA', file, '-CAkey', key, '-CAcreateserial', '-days', '1']
      await openssl('x509', '-req', '-in', request, ...signer, '-extfile', extensions, '-out', certFile)
      const [cert, keyText] = await Promise.all([readFile(certFile, 'utf8'), readFile(keyFile, 'utf8')])
      return { cert, key: keyText, certFile, keyFile }
    },
  }
}

async function openssl(...args: string[]): Promise<void> {
  await promisify(execFile)('openssl', args)
}

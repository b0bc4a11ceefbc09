// A certificate for loopback that is its own authority, made by openssl.
import { execFile } from 'node:child_process'
import { copyFile, mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { temporaryFolder, type Scope } from './scope.ts'

export interface TestCertificate {
  /** Path of the PEM certificate; clients trust it as a CA. */
  readonly certificate: string
  /** Path of the PEM key. */
  readonly key: string
  /** The certificate's PEM, for a client's `ca`. */
  readonly ca: string
  /** A folder that holds the certificate as `ca.crt`, for `--src-cert-dir` and `--dest-cert-dir`. */
  readonly caFolder: string
}

/** Makes an ECDSA certificate for `localhost`, 127.0.0.1, ::1 and the `names` given, good for a day. */
export async function makeCertificate(t: Scope, names: readonly string[] = []): Promise<TestCertificate> {
  const folder = await temporaryFolder(t)
  const [certificate, key, caFolder] = [join(folder, 'tls.crt'), join(folder, 'tls.key'), join(folder, 'ca')]
  const alternatives = ['localhost', ...names].map((name) => `DNS:${name}`)
  const san = ['subjectAltName=IP:127.0.0.1,IP:::1', ...alternatives].join(',')
  const algorithm = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  const subject = ['-subj', '/CN=dockgate test', '-addext', san, '-days', '1']
  const files = ['-keyout', key, '-out', certificate]
  await promisify(execFile)('openssl', ['req', '-x509', ...algorithm, ...subject, ...files])
  await mkdir(caFolder)
  await copyFile(certificate, join(caFolder, 'ca.crt'))
  return { certificate, key, ca: await readFile(certificate, 'utf8'), caFolder }
}

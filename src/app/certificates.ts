// The certificate of each listener, read or issued, and read again on reload.
import type { TlsConfig } from '../config/config.ts'
import type { TlsMaterial } from '../server/listener.ts'
import { ensureLocalCertificate } from '../server/local-ca.ts'
import { loadTlsFiles } from '../server/tls-files.ts'

/** Certificate and key as a listener wants them. Rejects with one line that names the file. */
export async function loadTls(
  tls: TlsConfig,
): Promise<TlsMaterial & { readonly files: readonly string[]; readonly warnings: readonly string[] }> {
  const { certificateFile, keyFile } = tls.kind === 'files' ? tls : await ensureLocalCertificate(tls)
  const { cert, key, warnings } = await loadTlsFiles({ certificateFile, keyFile })
  return { cert, key, warnings, files: [certificateFile, keyFile] }
}

// The certificate of each listener, read or issued, and read again on reload.
import type { ListenerConfig } from '../config/config.ts'
import { loadClientCas } from '../server/client-cas.ts'
import type { TlsMaterial } from '../server/listener.ts'
import { ensureLocalCertificate } from '../server/local-ca.ts'
import { loadTlsFiles } from '../server/tls-files.ts'

export interface LoadedListenerTls extends TlsMaterial {
  readonly files: readonly string[]
  readonly warnings: readonly string[]
}

/** What a listener wants for TLS; undefined without. Rejects with one line that names the file. */
export async function loadTls({
  tls,
  clientCas,
}: Pick<ListenerConfig, 'tls' | 'clientCas'>): Promise<LoadedListenerTls | undefined> {
  if (!tls) return undefined
  const { certificateFile, keyFile } = tls.kind === 'files' ? tls : await ensureLocalCertificate(tls)
  const { cert, key, warnings } = await loadTlsFiles({ certificateFile, keyFile })
  const files = [certificateFile, keyFile, ...(clientCas?.files ?? [])]
  if (!clientCas) return { cert, key, warnings, files }
  const { isRequired } = clientCas
  return {
    cert,
    key,
    clientCas: { certificates: await loadClientCas(clientCas.files), isRequired },
    warnings,
    files,
  }
}

// Keys and certificates that logins and upstreams need, opened as `serve` would: what is wrong with one is better told before.
import { CertificateKeys } from '../auth/external/certificate-keys.ts'
import { loadTokenCertificates } from '../auth/service/token-certificate.ts'
import { readTokenKey } from '../auth/token-key.ts'
import type { ConfigProblem } from '../config/config-error.ts'
import type { Config } from '../config/config.ts'
import { loadClientCas } from '../server/client-cas.ts'
import { readIfThere } from '../storage/file-once.ts'

/** One for each that can not be used. What `serve` makes by itself may be missing, and is not made. */
export async function checkKeys(config: Config): Promise<ConfigProblem[]> {
  const { listen, auth } = config
  const problems: ConfigProblem[] = []
  const tryTo = async (open: () => Promise<unknown>): Promise<void> => {
    try {
      await open()
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      problems.push({ file: config.file ?? 'defaults', line: undefined, column: undefined, message })
    }
  }
  await tryTo(() => openTokenKey(auth.token))
  for (const file of auth.token?.previousKeyFiles ?? []) await tryTo(() => readTokenKey(file))
  for (const { keys } of auth.externalTokens)
    if (keys.kind === 'certificates') await tryTo(() => CertificateKeys.open(keys.file))
  for (const { caFile } of config.upstreams.values())
    if (caFile !== undefined) await tryTo(() => loadClientCas([caFile]))
  for (const { clientCas } of listen) await tryTo(() => loadClientCas(clientCas?.files ?? []))
  return problems
}

async function openTokenKey(token: Config['auth']['token']): Promise<void> {
  if (!token || !(await isThere(token.keyFile))) return
  const key = await readTokenKey(token.keyFile)
  const { certificateFile } = token
  if (certificateFile !== undefined && (await isThere(certificateFile)))
    await loadTokenCertificates(certificateFile, key)
}

/** What can not be read is there. */
async function isThere(file: string): Promise<boolean> {
  return (await readIfThere(file).catch(() => '')) !== undefined
}

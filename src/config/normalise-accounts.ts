// From the words of the file to what the program uses, for the place of access tokens.
import type { AccountsConfig } from './auth-config.ts'
import type { ConfigFile } from './schema.ts'

const DEFAULT_FILE = 'data/accounts.db'

export function toAccounts({ auth }: ConfigFile, absolute: (path: string) => string): AccountsConfig {
  const { file, postgres } = auth.accounts ?? {}
  const isConfigured = auth.accounts !== undefined
  if (postgres === undefined) return { isConfigured, kind: 'file', file: absolute(file ?? DEFAULT_FILE) }
  const { url, passwordFile, ca } = postgres
  return {
    isConfigured,
    kind: 'postgres',
    url,
    passwordFile: passwordFile === undefined ? undefined : absolute(passwordFile),
    caFile: ca === undefined ? undefined : absolute(ca),
  }
}

// What can change while the gateway runs: grants, rules about ID tokens, password files, keys, certificates.
import type { Config } from '../config/config.ts'
import type { Parts } from './parts.ts'

export interface TakenOver extends Pick<Parts, 'auth' | 'keyFiles'> {
  /** Rejects when the configuration is not valid. */
  readonly readConfig: () => Promise<Config>
  /** Reads the certificates of listeners again; rejects, and keeps what was, when one is not valid. */
  readonly reloadTls: () => Promise<void>
}

/** Told of each part. */
export interface TakeOverReport {
  taken(what: string): void
  refused(what: string, error: unknown): void
}

/**
 * Each part is taken over on its own: a password file that makes no sense must not keep a withdrawn grant in force. Never
 * rejects. Answers the new configuration; undefined when it is not valid.
 */
export async function takeOver(
  { auth, keyFiles, readConfig, reloadTls }: TakenOver,
  report: TakeOverReport,
): Promise<Config | undefined> {
  async function take<Taken>(what: string, read: () => Promise<Taken>): Promise<Taken | undefined> {
    try {
      const taken = await read()
      report.taken(what)
      return taken
    } catch (error) {
      report.refused(what, error)
      return undefined
    }
  }
  const next = await take('grants', async () => {
    const config = await readConfig()
    auth.replaceGrants(config)
    return config
  })
  // With a configuration that makes no sense, those that were named before.
  if (keyFiles.files.length > 0) await take('token keys', () => keyFiles.reload(next))
  if (auth.files.length > 0) await take('certificates of token servers', () => auth.reloadExternalTokens())
  await take('password file', () => auth.reloadPasswords())
  await take('certificates', reloadTls)
  return next
}

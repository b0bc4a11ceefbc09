// Revokes the access tokens of accounts that go: an account of the same name that comes later is not to have them back.
import { createAccountStore } from '../auth/accounts/create-account-store.ts'
import type { Config } from '../config/config.ts'

/** The live personal tokens of `names` in a password file of the configuration; answers how many there were. */
export async function endTokensOf(names: readonly string[], { auth }: Config, file: string): Promise<number> {
  const backend = auth.htpasswd.find((each) => each.file === file)?.backend
  const store = await createAccountStore(auth.accounts)
  try {
    const tokens = await store.listTokens()
    const ended = tokens.filter(
      ({ owner, revokedAt }) =>
        owner !== undefined && owner.backend === backend && names.includes(owner.key) && !revokedAt,
    )
    for (const { id } of ended) await store.revokeToken(id, new Date())
    return ended.length
  } finally {
    await store.close()
  }
}

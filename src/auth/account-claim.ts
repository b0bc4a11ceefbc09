// The `account` claim: what vouches for the name in one of our tokens, and the groups it came with.
import { z } from 'zod'
import type { AccountRef } from '../access/identity.ts'

export interface AccountTie {
  readonly account: AccountRef
  readonly groups?: readonly string[] | undefined
  /** See {@link AccountFingerprints}. */
  readonly fingerprint: string
}

const ACCOUNT_CLAIM = z.object({
  backend: z.string(),
  key: z.string(),
  groups: z.array(z.string()).optional(),
  state: z.string(),
})

export type AccountClaim = z.infer<typeof ACCOUNT_CLAIM>

export function formatAccountClaim({ account, groups, fingerprint }: AccountTie): AccountClaim {
  return { ...account, ...(groups === undefined ? {} : { groups: [...groups] }), state: fingerprint }
}

/** Undefined when it is not an account claim. */
export function parseAccountClaim(claim: unknown): AccountTie | undefined {
  const parsed = ACCOUNT_CLAIM.safeParse(claim).data
  if (!parsed) return undefined
  const { backend, key, groups, state } = parsed
  return { account: { backend, key }, groups, fingerprint: state }
}

// The login at an upstream that takes tokens of our own: one is made for each scope, and nobody else is asked for any.
import { LRUCache } from 'lru-cache'
import { SingleFlight } from '../cache/single-flight.ts'
import type { Authorization } from './authorization.ts'

/** Makes a token that allows what `scope` says and no more. */
export type MintToken = (scope: string) => Promise<{ token: string; expiresInSeconds: number }>

const MAX_TOKENS = 2_000
/** A token is used for this part of its life, so that it does not expire on the way. */
const USED_LIFE = 0.8

export function createMintedAuthorization(mint: MintToken): Authorization {
  const headers = new LRUCache<string, string>({ max: MAX_TOKENS })
  const flights = new SingleFlight<string>()

  async function mintHeader(scope: string): Promise<string> {
    const { token, expiresInSeconds } = await mint(scope)
    const header = `Bearer ${token}`
    headers.set(scope, header, { ttl: Math.max(1, Math.floor(expiresInSeconds * USED_LIFE * 1000)) })
    return header
  }

  const current = async (scope: string): Promise<string> =>
    headers.get(scope) ?? flights.run(scope, () => mintHeader(scope))

  const renewed = (scope: string, refused: string): Promise<string> => {
    if (headers.get(scope) === refused) headers.delete(scope)
    return current(scope)
  }

  return {
    current,
    renewed,
    // What the upstream's challenge asks for does not matter: a request gets a token for what it does.
    answer: (scope, _header, refused) => (refused === undefined ? current(scope) : renewed(scope, refused)),
  }
}

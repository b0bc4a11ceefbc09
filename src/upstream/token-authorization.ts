// The login at an upstream that takes one token for everything, handed out by whoever runs it: nobody is asked for another.
import { UpstreamUnauthorizedError } from './errors.ts'
import type { Authorization } from './authorization.ts'
import type { Renewable } from './login/login-source.ts'

export function createTokenAuthorization(upstream: URL, token: Renewable<string>): Authorization {
  const current = async (): Promise<string> => `Bearer ${await token.current()}`

  async function renewed(_scope: string, refused: string): Promise<string | undefined> {
    if ((await current()) === refused) token.refused()
    const header = await current()
    return header === refused ? undefined : header
  }

  return {
    current,
    renewed,
    async answer(scope, _header, refused) {
      const header = refused === undefined ? await current() : await renewed(scope, refused)
      if (header !== undefined) return header
      throw new UpstreamUnauthorizedError(`${upstream.host} refuses the configured token`)
    },
  }
}

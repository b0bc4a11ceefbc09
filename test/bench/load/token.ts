// Tokens of dockgate's own service.
import type { TestCertificate } from '../../support/certificates.ts'
import { send } from '../../support/http.ts'
import { REPOSITORY } from '../content/content.ts'
import { ACCOUNT } from '../system.ts'

/** What a client asks that wants to pull. */
export const TOKEN_PATH = `/token?service=dockgate&scope=${encodeURIComponent(`repository:${REPOSITORY}:pull`)}`

export async function fetchToken(url: string, { ca }: TestCertificate): Promise<string> {
  const answer = await send(`${url}${TOKEN_PATH}`, { ca, account: ACCOUNT })
  return answer.json<{ token: string }>().token
}

// A server with nothing but the token endpoint, and its accounts alice and bob.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import express from 'express'
import { decodeJwt } from 'jose'
import { createPolicy } from '../../src/access/grants-policy.ts'
import { tokenRouter, type TokenRouterOptions } from '../../src/admin/token.ts'
import type { TokenIssue } from '../../src/admin/token/token-answer.ts'
import type { Authenticator } from '../../src/auth/authenticator.ts'
import { createAuthenticator } from '../../src/auth/create-authenticator.ts'
import { HtpasswdBackend } from '../../src/auth/htpasswd-backend.ts'
import { HtpasswdFile } from '../../src/auth/htpasswd-file.ts'
import { accountsOf } from '../../src/auth/login-backend.ts'
import { PasswordVerifier } from '../../src/auth/password-verifier.ts'
import { createAccountStore } from '../../src/auth/accounts/create-account-store.ts'
import { RefreshTokens } from '../../src/auth/service/refresh-tokens.ts'
import { TokenKeys } from '../../src/auth/service/token-keys.ts'
import { TokenIssuer } from '../../src/auth/token-issuer.ts'
import { loadTokenKey } from '../../src/auth/token-key.ts'
import { writeHtpasswd } from '../support/htpasswd.ts'
import { send, type Answer, type RequestOptions } from '../support/http.ts'
import { atEnd, temporaryFolder, type Scope } from '../support/scope.ts'

export const SERVICE = 'registry.test'
export const FORM = 'application/x-www-form-urlencoded'

export interface TokenServer {
  readonly authenticator: Authenticator
  readonly issues: TokenIssue[]
  readonly replacePasswords: (text: string) => Promise<void>
  readonly ask: (pathAndQuery: string, options?: RequestOptions) => Promise<Answer>
  readonly post: (form: Record<string, string> | string, headers?: Record<string, string>) => Promise<Answer>
}

const policy = createPolicy({
  grants: [
    { repositories: ['public/**'], pull: ['$anonymous'] },
    { repositories: ['team/**'], push: ['alice'], delete: ['alice'] },
    { catalog: ['$authenticated'] },
  ],
})

/** Of the router's options, those given replace the ones that come with the server. */
export async function startServer(
  t: Scope,
  replaced: Partial<TokenRouterOptions> = {},
): Promise<TokenServer> {
  const passwordFile = await writeHtpasswd(t, { alice: 'se:crét', bob: 'b' })
  const passwords = await HtpasswdFile.open({ path: passwordFile })
  atEnd(t, () => passwords.close())
  const key = await loadTokenKey(join(await temporaryFolder(t), 'token.key'))
  const token = { keys: new TokenKeys(key), issuer: 'dockgate', service: SERVICE }
  const verifier = new PasswordVerifier()
  atEnd(t, () => verifier.close())
  const backends = [new HtpasswdBackend({ passwords, verifier })]
  const { lenientHosts } = replaced
  const authenticator = replaced.authenticator ?? createAuthenticator({ backends, token, lenientHosts })
  const store = await createAccountStore({
    kind: 'file',
    file: join(await temporaryFolder(t), 'accounts.db'),
  })
  atEnd(t, () => store.close())
  const accounts = accountsOf(backends)
  const issues: TokenIssue[] = []
  const router = tokenRouter({
    authenticator,
    policy,
    issuer: new TokenIssuer({ ...token, accounts }),
    keys: token.keys,
    refreshTokens: new RefreshTokens({
      store,
      accounts,
      service: SERVICE,
      lifeMs: 3600_000,
      maxPerAccount: 10,
    }),
    service: SERVICE,
    onIssue: (_req, issue) => issues.push(issue),
    ...replaced,
  })
  const url = await listen(t, router)
  const ask = (path: string, options?: RequestOptions): Promise<Answer> => send(url + path, options)
  const post = (form: Record<string, string> | string, headers = {}): Promise<Answer> =>
    ask('/token', {
      method: 'POST',
      headers: { 'Content-Type': FORM, ...headers },
      body: typeof form === 'string' ? form : new URLSearchParams(form).toString(),
    })
  const replacePasswords = async (text: string): Promise<void> => {
    await writeFile(passwordFile, text)
    await passwords.reload()
  }
  return { authenticator, issues, replacePasswords, ask, post }
}

async function listen(t: Scope, router: express.Router): Promise<string> {
  const server = express().use(router).listen(0, '127.0.0.1')
  atEnd(t, () => void server.close())
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return `http://127.0.0.1:${port}`
}

/** What the token of a good answer allows: its subject, and its scopes in their written form. */
export function read(answer: Answer): { subject: string | undefined; access: unknown } {
  assert.equal(answer.status, 200, answer.text())
  const { token, access_token } = answer.json<{ token: string; access_token: string }>()
  assert.equal(token, access_token)
  const { sub, access } = decodeJwt(token)
  return { subject: sub, access }
}

/** Checks that the answer is this failure, as `/v2/` would word it. */
export function refuses(answer: Answer, status: number, code: string): void {
  assert.equal(answer.status, status, answer.text())
  assert.equal(answer.json<{ errors: [{ code: string }] }>().errors[0].code, code)
  assert.equal(answer.headers['docker-distribution-api-version'], 'registry/2.0')
  assert.equal(answer.headers['cache-control'], 'no-store')
}

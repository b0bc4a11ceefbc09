// Which parts of a changed configuration a running gateway does not take over.
import { isDeepStrictEqual } from 'node:util'
import type { TokenConfig } from '../config/auth-config.ts'
import type { Config } from '../config/config.ts'

/** What is called otherwise in the file. */
const WRITTEN: Readonly<Record<string, string>> = {
  hidesRepositories: 'hideRepositories',
  shutdownGraceMs: 'shutdownGrace',
}

/**
 * Sections, and keys of `auth`, that differ from what runs, in the words of the file; those that a reload takes over are
 * left out. `hasAccounts` says whether the gateway was started with any way to log in.
 */
export function fixedSections(running: Config, next: Config, hasAccounts: boolean): string[] {
  const { access: _access, auth: runningAuth, ...rest } = running
  return [
    ...changedKeys(rest, next).map((name) => WRITTEN[name] ?? name),
    ...changedKeys(fixedAuth(runningAuth), fixedAuth(next.auth)).map((name) => `auth.${name}`),
    // Without an account to begin with nothing is there that could ask for ID tokens.
    ...(!hasAccounts && next.auth.oidc.length > 0 ? ['auth.oidc'] : []),
  ]
}

/** What runs, with what a reload takes over of `next`. */
export function withTakenOver(running: Config, next: Config): Config {
  const { groups, oidc, token } = next.auth
  const runningToken = running.auth.token
  return {
    ...running,
    access: next.access,
    auth: {
      ...running.auth,
      groups,
      oidc,
      token: runningToken && { ...runningToken, ...(token && keyFilesOf(token)) },
    },
  }
}

function keyFilesOf({ keyFile, previousKeyFiles, certificateFile }: TokenConfig) {
  return { keyFile, previousKeyFiles, certificateFile }
}

function changedKeys(running: object, next: object): string[] {
  const found = new Map<string, unknown>(Object.entries(next))
  return Object.entries(running)
    .filter(([name, value]) => !isDeepStrictEqual(value, found.get(name)))
    .map(([name]) => name)
}

function fixedAuth({ groups: _groups, oidc: _oidc, token, ...auth }: Config['auth']): object {
  if (!token) return { ...auth, token }
  const { keyFile: _key, previousKeyFiles: _previous, certificateFile: _certificate, ...fixedToken } = token
  return { ...auth, token: fixedToken }
}

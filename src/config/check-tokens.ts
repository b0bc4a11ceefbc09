// What the shape alone cannot say about tokens: who is who among issuers, where keys are, which core takes ours.
import type { ConfigPath, PathProblem } from './problem.ts'
import type { ConfigFile } from './schema.ts'
import { isTrustworthyUrl } from './trustworthy-url.ts'

type ExternalTokens = ConfigFile['auth']['externalTokens'][number]

/** Names that come from elsewhere by other ways. */
const TAKEN_SOURCES = ['ldap', 'oidc', 'robot']

export function checkTokens({ auth, upstreams }: Pick<ConfigFile, 'auth' | 'upstreams'>): PathProblem[] {
  const { token, externalTokens, clientCertificates } = auth
  const issuers = new Set(token === 'off' ? [] : [token.issuer])
  const sources = new Set([
    ...TAKEN_SOURCES,
    ...(clientCertificates ? [clientCertificates.prefix.replace(/:$/, '')] : []),
  ])
  return [
    ...externalTokens.flatMap((external, index) =>
      checkExternal(external, { path: ['auth', 'externalTokens', index], issuers, sources }),
    ),
    ...Object.entries(upstreams).flatMap(([name, upstream]) =>
      checkCore(upstream, ['upstreams', name, 'token'], token === 'off'),
    ),
  ]
}

/** Whether `jwks` is written as a URL and not as a file. */
export function isUrl(jwks: string): boolean {
  return /^[a-z]+:\/\//i.test(jwks)
}

function checkExternal(
  { source, issuer, certificates, jwks, ca }: ExternalTokens,
  { path, issuers, sources }: { path: ConfigPath; issuers: Set<string>; sources: Set<string> },
): PathProblem[] {
  const problems: PathProblem[] = []
  const complain = (key: string, message: string) => problems.push({ path: [...path, key], message })
  if (sources.has(source))
    complain('source', `${JSON.stringify(source)} is the name of another source already`)
  if (issuers.has(issuer)) complain('issuer', 'is the issuer of other tokens already')
  if ((certificates === undefined) === (jwks === undefined))
    problems.push({ path, message: 'give either certificates or jwks' })
  if (jwks !== undefined && isUrl(jwks) && !isTrustworthyUrl(jwks))
    complain('jwks', 'must be an https URL, or a file: whoever answers it decides who is let in')
  if (ca !== undefined && (jwks === undefined || !isUrl(jwks))) complain('ca', 'is for a jwks URL alone')
  sources.add(source)
  issuers.add(issuer)
  return problems
}

function checkCore(
  { token, username, bearerToken, bearerTokenFile, exec }: ConfigFile['upstreams'][string],
  path: ConfigPath,
  isOff: boolean,
): PathProblem[] {
  if (token === undefined) return []
  if (username !== undefined) return [{ path, message: 'give either token or username' }]
  if ([bearerToken, bearerTokenFile, exec].some((login) => login !== undefined))
    return [{ path, message: 'give either token or another login' }]
  return isOff ? [{ path, message: 'needs the key of auth.token, which is off' }] : []
}

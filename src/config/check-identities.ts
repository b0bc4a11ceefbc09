// What the shape alone cannot say about identities from elsewhere: that their names are nobody else's, and their secrets kept.
import type { ConfigPath, PathProblem } from './problem.ts'
import type { ConfigFile } from './schema.ts'

type Auth = ConfigFile['auth']
type OidcRule = Auth['oidc'][number]

export function checkIdentities({ auth, listen }: Pick<ConfigFile, 'auth' | 'listen'>): PathProblem[] {
  return [...checkOidc(auth.oidc), ...checkLdap(auth.ldap), ...checkCertificates(auth, listen)]
}

function checkOidc(rules: Auth['oidc']): PathProblem[] {
  return rules.flatMap((rule, index) => {
    const path: ConfigPath = ['auth', 'oidc', index]
    const earlier = rules.slice(0, index)
    const sibling = earlier.find(({ issuer }) => issuer === rule.issuer)
    const double = earlier.find(
      (other) => other.issuer !== rule.issuer && mayMeet(wordBefore(other), wordBefore(rule)),
    )
    return [
      ...(rule.jwksUrl !== undefined && rule.jwksFile !== undefined
        ? [
            {
              path: [...path, 'jwksFile'],
              message: 'is one place of the keys, jwksUrl another: leave one out',
            },
          ]
        : []),
      ...(sibling && !isSameSource(sibling, rule)
        ? [
            {
              path,
              message: 'has other keys (jwksUrl, jwksFile, ca) than an earlier rule of the same issuer',
            },
          ]
        : []),
      ...(double
        ? [
            {
              path: [...path, 'name'],
              message: `gives names that ${double.issuer} can give, too: put a word in front of each, as in 'gitlab/\${project_path}'`,
            },
          ]
        : []),
    ]
  })
}

/** What stands before the first claim in the names of a rule. */
function wordBefore({ name = 'sub' }: OidcRule): string {
  return name.includes('${') ? name.slice(0, name.indexOf('${')) : ''
}

/** Claims hold what their issuer likes: it makes any name that begins with the word before them. */
function mayMeet(word: string, other: string): boolean {
  return word.startsWith(other) || other.startsWith(word)
}

function isSameSource(a: OidcRule, b: OidcRule): boolean {
  return a.jwksUrl === b.jwksUrl && a.jwksFile === b.jwksFile && a.ca === b.ca
}

function checkLdap(ldap: Auth['ldap']): PathProblem[] {
  if (!ldap) return []
  const { url, startTls, insecure, bindDn, bindPassword, bindPasswordFile } = ldap
  const path: ConfigPath = ['auth', 'ldap']
  const problem = (key: string, message: string): PathProblem => ({ path: [...path, key], message })
  const hasPassword = bindPassword !== undefined || bindPasswordFile !== undefined
  return [
    ...(startTls === false && !insecure && url.startsWith('ldap:')
      ? [problem('startTls', 'leaves passwords in the clear; if that is meant, add insecure: true')]
      : []),
    ...(startTls === true && url.startsWith('ldaps:')
      ? [problem('startTls', 'is for ldap://, not for ldaps://')]
      : []),
    ...(bindPassword !== undefined && bindPasswordFile !== undefined
      ? [problem('bindPassword', 'is in bindPasswordFile already: leave one out')]
      : []),
    ...(bindDn !== undefined && !hasPassword ? [problem('bindDn', 'needs bindPasswordFile')] : []),
    ...(bindDn === undefined && hasPassword
      ? [{ path, message: 'has a password for nobody: add bindDn' }]
      : []),
  ]
}

function checkCertificates({ clientCertificates }: Auth, listen: ConfigFile['listen']): PathProblem[] {
  const listeners = listen.flatMap(({ tls, clientCas, requireClientCertificate }, index): PathProblem[] => {
    const path: ConfigPath = ['listen', index]
    const inner = typeof tls === 'object' ? tls.clientCas : undefined
    return [
      ...(clientCas && tls === undefined
        ? [{ path: [...path, 'clientCas'], message: 'is for a listener with tls' }]
        : []),
      ...(clientCas && inner
        ? [{ path: [...path, 'clientCas'], message: 'is in tls already: leave one out' }]
        : []),
      ...(requireClientCertificate && !clientCas && !inner
        ? [
            {
              path: [...path, 'requireClientCertificate'],
              message: 'needs clientCas: who signs the certificates',
            },
          ]
        : []),
    ]
  })
  const isUsed = listen.some(({ tls, clientCas }) => clientCas ?? (typeof tls === 'object' && tls.clientCas))
  if (clientCertificates && !isUsed)
    listeners.push({
      path: ['auth', 'clientCertificates'],
      message: 'is never asked: no listener has clientCas',
    })
  return listeners
}

// The files that a configuration names: that they are there and can be read, and the passwords in them.
import { open, readFile, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { accountStoreFiles } from './check-accounts-store.ts'
import { isUrl } from './check-tokens.ts'
import type { ConfigPath, PathProblem } from './problem.ts'
import type { ConfigFile } from './schema.ts'

/** Passwords are short; a larger file is some other file. */
const MAX_PASSWORD_FILE_BYTES = 64 * 1024

/** The sections that name files. */
export type FileNaming = Partial<Pick<ConfigFile, 'auth' | 'listen' | 'stores' | 'upstreams'>>

/** Problems of the named files. Relative paths start from `cwd`. */
export async function checkFiles(file: FileNaming, cwd: string): Promise<PathProblem[]> {
  const { auth, listen = [], stores = {}, upstreams = {} } = file
  const readable: [ConfigPath, string | undefined][] = [
    ...passwordFiles(auth?.htpasswd),
    ...(auth ? tokenFiles(auth) : []),
    ...(auth ? accountStoreFiles(auth) : []),
    [['auth', 'ldap', 'ca'], auth?.ldap?.ca],
    ...(auth?.oidc ?? []).flatMap(({ jwksFile, ca }, index): [ConfigPath, string | undefined][] => [
      [['auth', 'oidc', index, 'jwksFile'], jwksFile],
      [['auth', 'oidc', index, 'ca'], ca],
    ]),
    ...listen.flatMap(({ tls, clientCas = [] }, index): [ConfigPath, string][] => [
      ...clientCas.map((file, at): [ConfigPath, string] => [['listen', index, 'clientCas', at], file]),
      ...(typeof tls === 'object' ? (tls.clientCas ?? []) : []).map((file, at): [ConfigPath, string] => [
        ['listen', index, 'tls', 'clientCas', at],
        file,
      ]),
    ]),
    ...listen.flatMap(({ tls }, index): [ConfigPath, string][] => {
      if (tls === undefined || tls === 'auto') return []
      return [
        [['listen', index, 'tls', 'certificate'], tls.certificate],
        [['listen', index, 'tls', 'key'], tls.key],
      ]
    }),
    ...Object.entries(upstreams).flatMap(
      ([name, { ca, clientCertificate: own }]): [ConfigPath, string | undefined][] => [
        [['upstreams', name, 'ca'], ca],
        [['upstreams', name, 'clientCertificate', 'certificate'], own?.certificate],
        [['upstreams', name, 'clientCertificate', 'key'], own?.key],
      ],
    ),
  ]
  const problems = await Promise.all([
    ...readable.map(([path, named]) => checkReadable(path, named, cwd)),
    ...Object.entries(stores).map(([name, store]) => checkRoot(name, store.filesystem.root, cwd)),
  ])
  return problems.flat()
}

function passwordFiles(htpasswd: ConfigFile['auth']['htpasswd']): [ConfigPath, string][] {
  if (!Array.isArray(htpasswd)) return htpasswd ? [[['auth', 'htpasswd', 'file'], htpasswd.file]] : []
  return htpasswd.map(({ file }, index) => [['auth', 'htpasswd', index, 'file'], file])
}

function tokenFiles({ token, externalTokens }: ConfigFile['auth']): [ConfigPath, string | undefined][] {
  const previous = token === 'off' ? [] : token.previousKeys
  return [
    ...previous.map((file, index): [ConfigPath, string] => [['auth', 'token', 'previousKeys', index], file]),
    ...externalTokens.flatMap(({ certificates, jwks, ca }, index): [ConfigPath, string | undefined][] => [
      [['auth', 'externalTokens', index, 'certificates'], certificates],
      [['auth', 'externalTokens', index, 'jwks'], jwks !== undefined && isUrl(jwks) ? undefined : jwks],
      [['auth', 'externalTokens', index, 'ca'], ca],
    ]),
  ]
}

async function checkReadable(
  path: ConfigPath,
  named: string | undefined,
  cwd: string,
): Promise<PathProblem[]> {
  if (named === undefined) return []
  try {
    await using handle = await open(resolve(cwd, named))
    if (!(await handle.stat()).isDirectory()) return []
    return [{ path, message: `${named} is a folder, not a file` }]
  } catch (error) {
    return [{ path, message: explainFileError(named, error) }]
  }
}

/** A store's folder may still have to be made, but nothing else may be in its place. */
async function checkRoot(name: string, root: string, cwd: string): Promise<PathProblem[]> {
  const found = await stat(resolve(cwd, root)).catch(() => undefined)
  if (found === undefined || found.isDirectory()) return []
  return [{ path: ['stores', name, 'filesystem', 'root'], message: `${root} is not a folder` }]
}

/** Problems of the files that upstreams keep their passwords and tokens in. */
export async function checkSecrets(upstreams: ConfigFile['upstreams'], cwd: string): Promise<PathProblem[]> {
  const problems: PathProblem[] = []
  for (const [name, upstream] of Object.entries(upstreams))
    for (const key of ['passwordFile', 'bearerTokenFile'] as const) {
      const { [key]: file } = upstream
      const result = file === undefined ? undefined : await readPassword(file, cwd)
      if (result && 'problem' in result)
        problems.push({ path: ['upstreams', name, key], message: result.problem })
    }
  return problems
}

/** The password that dockgate searches the directory with, where it is kept in a file. */
export async function readLdapPassword(
  ldap: ConfigFile['auth']['ldap'],
  cwd: string,
): Promise<{ password: string | undefined; problems: PathProblem[] }> {
  if (ldap?.bindPasswordFile === undefined) return { password: undefined, problems: [] }
  const result = await readPassword(ldap.bindPasswordFile, cwd)
  if ('password' in result) return { password: result.password, problems: [] }
  const path: ConfigPath = ['auth', 'ldap', 'bindPasswordFile']
  return { password: undefined, problems: [{ path, message: result.problem }] }
}

async function readPassword(named: string, cwd: string): Promise<{ password: string } | { problem: string }> {
  try {
    const found = await stat(resolve(cwd, named))
    if (found.size > MAX_PASSWORD_FILE_BYTES) return { problem: `${named} is too large for a password` }
    const password = (await readFile(resolve(cwd, named), 'utf8')).replace(/\r?\n$/, '')
    return password === '' ? { problem: `${named} is empty` } : { password }
  } catch (error) {
    return { problem: explainFileError(named, error) }
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'may not be read by this user',
  EISDIR: 'is a folder, not a file',
  ENOENT: 'does not exist',
  ENOTDIR: 'does not exist',
}

/** Why the file cannot be read, in one line. */
export function explainFileError(named: string, error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
  return `${named} ${REASONS[code] ?? `cannot be read (${code})`}`
}

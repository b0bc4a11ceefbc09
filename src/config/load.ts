// Reads a configuration file and refuses it with everything that is wrong at once.
import { readFile, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { checkGrants } from './check-access.ts'
import { checkAccountStore } from './check-accounts-store.ts'
import { checkFiles, checkSecrets, explainFileError, readLdapPassword } from './check-files.ts'
import { checkIdentities } from './check-identities.ts'
import { checkListeners } from './check-listen.ts'
import { checkPasswords } from './check-passwords.ts'
import { checkRoutes } from './check-routes.ts'
import { checkShape, type Sections } from './check-shape.ts'
import { checkStores } from './check-stores.ts'
import { checkTokens } from './check-tokens.ts'
import { checkCores, checkUpstreams } from './check-upstreams.ts'
import { checkVisibility } from './check-visibility.ts'
import { ConfigError } from './config-error.ts'
import type { Config } from './config.ts'
import { DEFAULT_FILE } from './defaults.ts'
import { interpolate, type Environment } from './interpolate.ts'
import { normalise } from './normalise.ts'
import type { PathProblem } from './problem.ts'
import { fileSchema } from './schema.ts'
import { parseYaml } from './yaml-source.ts'

/** A configuration is written by hand; a larger file is some other file. */
const MAX_FILE_BYTES = 1024 * 1024

export interface LoadOptions {
  /** Where relative paths start, those in the file too; by default the process's working directory. */
  readonly cwd?: string
}

/**
 * The configuration in `file`, or the built-in one without a file. `_env:` strings are taken from `env`. Rejects with a
 * {@link ConfigError} that holds every problem, also of the files that the configuration names.
 */
export async function loadConfig(
  file: string | undefined,
  env: Environment,
  { cwd = process.cwd() }: LoadOptions = {},
): Promise<Config> {
  if (file === undefined) return normalise(fileSchema.parse(DEFAULT_FILE), { source: undefined, cwd, env })
  const { value, locate } = parseYaml(await readText(file, cwd), file)
  const interpolated = interpolate(value, env)
  const shape = checkShape(interpolated.value, interpolated.problems)
  const directory = await readLdapPassword(shape.sections.auth?.ldap, cwd)
  const problems = [
    ...shape.problems,
    ...checkMeaning(shape.sections, cwd, env),
    ...(await checkFiles(shape.sections, cwd)),
    ...(await checkSecrets(shape.sections.upstreams ?? {}, cwd)),
    ...directory.problems,
  ]
  if (problems.length > 0 || shape.file === undefined) throw new ConfigError(problems.map(locate))
  const lineOfGrant = (index: number) => locate({ path: ['access', index], message: '' }).line
  return normalise(shape.file, {
    source: file,
    cwd,
    env,
    ldapPassword: directory.password,
    lineOfGrant,
  })
}

/** Checks that need several sections run when all of them have the right shape. */
function checkMeaning(
  { access, admin, auth, hosts, listen, publicUrl, ...routing }: Sections,
  cwd: string,
  env: Environment,
): PathProblem[] {
  const { repositories, stores, upstreams } = routing
  return [
    ...(listen && admin ? checkListeners({ listen, admin, publicUrl }) : []),
    ...(auth ? checkPasswords(auth) : []),
    ...(auth ? checkAccountStore(auth) : []),
    ...(auth && listen ? checkIdentities({ auth, listen }) : []),
    ...(access && auth ? checkGrants({ access, auth }) : []),
    ...(upstreams ? checkUpstreams({ upstreams }, env) : []),
    ...(repositories && upstreams ? checkCores({ repositories, upstreams }) : []),
    ...(auth && upstreams ? checkTokens({ auth, upstreams }) : []),
    ...(hosts && repositories && upstreams ? checkVisibility({ hosts, repositories, upstreams }) : []),
    ...(repositories && stores && upstreams ? checkRoutes({ repositories, stores, upstreams }) : []),
    ...(repositories && stores ? checkStores({ repositories, stores }, cwd) : []),
  ]
}

async function readText(file: string, cwd: string): Promise<string> {
  const refuse = (message: string) => new ConfigError([{ file, line: undefined, column: undefined, message }])
  const path = resolve(cwd, file)
  const bytes = await stat(path)
    .then(({ size }) => {
      if (size > MAX_FILE_BYTES) throw refuse('is too large for a configuration')
      return readFile(path)
    })
    .catch((error: unknown) => {
      throw error instanceof ConfigError ? error : refuse(explainFileError('the configuration', error))
    })
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw refuse('is not UTF-8 text')
  }
}

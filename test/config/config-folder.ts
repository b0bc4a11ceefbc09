// A configuration file in a folder of its own, and what is wrong with it.
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { ConfigError } from '../../src/config/config-error.ts'
import type { Config } from '../../src/config/config.ts'
import { loadConfig } from '../../src/config/load.ts'
import { temporaryFolder, type Scope } from '../support/scope.ts'

/** What every configuration has to have, for tests of everything else. */
export const MINIMAL = `
repositories: { "**": { store: main } }
stores: { main: { filesystem: { root: data } } }
`

interface Surroundings {
  /** Text by path, from the working directory. */
  readonly files?: Readonly<Record<string, string>>
  readonly env?: Readonly<Record<string, string>>
}

/** Loads `yaml` as c.yml of a new working directory. */
export async function load(t: Scope, yaml: string, { files = {}, env = {} }: Surroundings = {}) {
  const cwd = await temporaryFolder(t)
  for (const [path, text] of Object.entries({ ...files, 'c.yml': yaml })) {
    await mkdir(dirname(join(cwd, path)), { recursive: true })
    await writeFile(join(cwd, path), text)
  }
  const config: Config = await loadConfig('c.yml', env, { cwd })
  return { config, cwd }
}

/** One line for each problem; none when the configuration is good. */
export async function problems(t: Scope, yaml: string, surroundings: Surroundings = {}): Promise<string[]> {
  try {
    await load(t, yaml, surroundings)
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split('\n')
    throw error
  }
}

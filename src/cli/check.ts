// `dockgate check`: says whether a configuration can be used, and what it means.
import type { Command } from 'commander'
import { ConfigError, type ConfigProblem } from '../config/config-error.ts'
import type { Config } from '../config/config.ts'
import { loadConfig } from '../config/load.ts'
import { toJsonSchema } from '../config/schema.ts'
import { loadTlsFiles, TlsFileError } from '../server/tls-files.ts'
import { checkAccounts } from './check-accounts.ts'
import { checkKeys } from './check-keys.ts'
import { checkWarmUp } from './check-warm-up.ts'
import { explainConfig } from './explain-config.ts'
import { print } from './output.ts'

const EXAMPLES = `
Examples:
  dockgate check --config config/dockgate.yml
  dockgate check --config config/dockgate.yml --json     { "valid": …, "problems": [{ "file", "line", … }] }
  dockgate check                                         explain the built-in defaults
  dockgate check --schema > dockgate.schema.json         for editors that complete and check YAML`

interface CheckOptions {
  readonly config?: string
  readonly json?: true
  readonly schema?: true
}

export function addCheckCommand(program: Command): void {
  program
    .command('check')
    .description('validate a configuration and explain it')
    .option('-c, --config <file>', 'the configuration; without one, the built-in defaults')
    .option('--json', 'print the result as JSON')
    .option('--schema', 'print the JSON Schema of configurations')
    .addHelpText('after', EXAMPLES)
    .action(check)
}

async function check({ config: file, json, schema }: CheckOptions): Promise<void> {
  if (schema) return print(JSON.stringify(toJsonSchema(), null, 2))
  try {
    const config = await loadConfig(file, process.env)
    const warnings = [
      ...(await checkCertificates(config)),
      ...(await checkAccounts(config)),
      ...checkWarmUp(config),
    ]
    if (json) return print(JSON.stringify({ valid: true, problems: [], warnings }, null, 2))
    print([...(await explainConfig(config)), ...warnings.map((warning) => `warning: ${warning}`)].join('\n'))
  } catch (error) {
    if (!json || !(error instanceof ConfigError)) throw error
    print(JSON.stringify({ valid: false, problems: error.problems, warnings: [] }, null, 2))
    process.exitCode = 1
  }
}

/** Loads every key and certificate as `serve` would; answers what clients will complain about. */
async function checkCertificates(config: Config): Promise<string[]> {
  const problems: ConfigProblem[] = await checkKeys(config)
  const warnings: string[] = []
  for (const { tls } of config.listen) {
    if (tls?.kind !== 'files') continue
    try {
      warnings.push(...(await loadTlsFiles(tls)).warnings)
    } catch (error) {
      if (!(error instanceof TlsFileError)) throw error
      problems.push({ file: error.file, line: undefined, column: undefined, message: error.reason })
    }
  }
  if (problems.length > 0) throw new ConfigError(problems)
  return warnings
}

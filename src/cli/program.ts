// The command line: `dockgate <command>`. Exit code 0 is success alone; 1 a failure, 2 a wrong call.
import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { addAccessCommand } from './access.ts'
import { addCheckCommand } from './check.ts'
import { addClientConfigCommand } from './client-config.ts'
import { addDeleteCommand } from './delete.ts'
import { addGcCommand } from './gc.ts'
import { addIndexCommand } from './index-command.ts'
import { addInspectCommand } from './inspect.ts'
import { addMirrorCommand } from './mirror.ts'
import { addRetentionCommand } from './retention.ts'
import { addScrubCommand } from './scrub.ts'
import { addServeCommand } from './serve.ts'
import { addTagsCommand } from './tags.ts'
import { addTokenCommand } from './token.ts'
import { addUserCommand } from './user.ts'

const EXIT_FAILURE = 1
const EXIT_USAGE = 2

function createProgram(): Command {
  const program = new Command('dockgate')
    .description('A gateway in front of container registries: TLS, logins, grants per repository, a mirror.')
    .version(readVersion(), '--version', 'print the version')
    .helpOption('-h, --help', 'explain a command')
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(`${text.trim().replaceAll('\n', ' ')}\n`) })
  addServeCommand(program)
  addCheckCommand(program)
  addUserCommand(program)
  addTokenCommand(program)
  addAccessCommand(program)
  addClientConfigCommand(program)
  addTagsCommand(program)
  addInspectCommand(program)
  addDeleteCommand(program)
  addGcCommand(program)
  addScrubCommand(program)
  addRetentionCommand(program)
  addIndexCommand(program)
  addMirrorCommand(program)
  return program
}

/** The same two folders up from `src/cli` and from `dist/cli`. */
function readVersion(): string {
  const { version }: { version?: unknown } = JSON.parse(
    readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
  )
  return String(version)
}

/** Whatever went wrong, on stderr: one line for each problem. */
function explain(error: unknown): string {
  if (!(error instanceof Error)) return `dockgate: ${String(error)}`
  if (error.name === 'ConfigError') return error.message
  // A programming error is worthless without its place.
  if (error instanceof TypeError || error instanceof ReferenceError) return `dockgate: ${error.stack}`
  return `dockgate: ${error.message.split('\n', 1)[0]}`
}

/** Runs the command that the process was called with, and sets its exit code. Never rejects. */
export async function run(): Promise<void> {
  try {
    await createProgram().parseAsync()
  } catch (error) {
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : EXIT_USAGE
    else {
      process.stderr.write(`${explain(error)}\n`)
      process.exitCode = EXIT_FAILURE
    }
  }
}

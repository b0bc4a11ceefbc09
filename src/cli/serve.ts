// `dockgate serve`: runs the gateway until it is told to stop.
import { setFlagsFromString } from 'node:v8'
import type { Command } from 'commander'
import type { Config } from '../config/config.ts'
import { ADMIN_NAME } from '../config/defaults.ts'
import { loadConfig } from '../config/load.ts'
import { ensureAdminAccount } from './first-run.ts'
import { loginLines, startLines } from './start-text.ts'
import { runUntilStopped } from './stop-signals.ts'

const EXAMPLES = `
Examples:
  dockgate serve                              HTTPS on port 5443 with a local CA, an admin account, Docker Hub mirrored
  dockgate serve --config config/dockgate.yml

Signals: SIGTERM and SIGINT let running transfers end, a second one does not; SIGHUP reloads certificates,
password files, keys, grants and rules about ID tokens; SIGUSR2 replaces the workers, without closing a connection.`

/**
 * Every piece of a transfer is a small object that holds 16 KiB or more outside the heap, to be freed when the young
 * generation is collected. Grown to 16 MiB, V8's default, it lets a hundred MiB of dead pieces pile up first.
 */
const HEAP_FLAGS = [
  '--semi-space-growth-factor=1',
  // To wake other threads for a MiB costs more than to collect it, or to free what it held.
  '--no-parallel-scavenge',
  '--no-concurrent-array-buffer-sweeping',
  // What a closed connection leaves behind is kept until the whole heap is collected, most of which is code.
  '--heap-growing-percent=100',
]

export function addServeCommand(program: Command): void {
  program
    .command('serve')
    .description('run the gateway')
    .option('-c, --config <file>', 'the configuration; without one, built-in defaults')
    .addHelpText('after', EXAMPLES)
    .action(async ({ config }: { config?: string }) => serve(config))
}

async function serve(file: string | undefined): Promise<void> {
  for (const flag of HEAP_FLAGS) setFlagsFromString(flag)
  const reloadConfig = () => loadConfig(file, process.env)
  const config = await reloadConfig()
  await prepareFirstRun(config)
  // Read by Node when it loads what starts workers: they accept by themselves (docs/decisions/0026-workers.md).
  process.env['NODE_CLUSTER_SCHED_POLICY'] ??= 'none'
  // Imported here, so that the other commands do not load every server.
  const start =
    config.workers === 1
      ? (await import('../app/gateway.ts')).startGateway
      : (await import('../app/cluster/primary.ts')).startPrimary
  await runUntilStopped(() => start(config, { reloadConfig, nodeFlags: HEAP_FLAGS }), {
    signals: process,
    onStarted: ({ addresses }) => announce(startLines(config, addresses)),
    stopNow: () => process.exit(1),
  })
  // What still holds the process (a connection that is being let go) must not delay its end.
  process.exit(0)
}

/** Told before anything can fail: the password is nowhere else. */
async function prepareFirstRun(config: Config): Promise<void> {
  const [passwords] = config.auth.htpasswd
  if (config.file !== undefined || passwords === undefined) return
  const created = await ensureAdminAccount(passwords.file, ADMIN_NAME)
  if (created) announce(loginLines(created, passwords.file))
}

/** For people, on stderr: stdout is the log's. */
function announce(lines: readonly string[]): void {
  process.stderr.write(`${lines.join('\n')}\n`)
}

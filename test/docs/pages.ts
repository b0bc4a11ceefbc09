// The pages of the documentation, read for their examples, and followed as a reader would.
import { execFile } from 'node:child_process'
import { chmod, glob, mkdir, readFile, writeFile } from 'node:fs/promises'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { MAIN, ROOT } from '../support/gateway.ts'
import { startProcess, type RunningProcess } from '../support/process.ts'
import { temporaryFolder, type Scope } from '../support/scope.ts'

/** A fenced block: `sh run` is a line of commands to be run, `yaml` a configuration. */
export interface Block {
  readonly page: string
  /** Counted from 1: that of the fence. */
  readonly line: number
  readonly kind: string
  readonly text: string
}

/** Every page, from the repository's root. */
export async function listPages(): Promise<string[]> {
  const pages: string[] = []
  for await (const page of glob(['*.md', 'docs/**/*.md', 'certs/*.md'], { cwd: ROOT })) pages.push(page)
  return pages.toSorted()
}

export async function readBlocks(page: string): Promise<Block[]> {
  const text = await readFile(join(ROOT, page), 'utf8')
  return [...text.matchAll(/^( *)```(\S[^\n]*)\n(.*?)^\1```$/gms)].map(
    ({ index, 1: indent, 2: kind, 3: body }) => ({
      page,
      line: text.slice(0, index).split('\n').length,
      kind: (kind ?? '').trim(),
      text: (body ?? '').replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
    }),
  )
}

export interface Reader {
  /** The working directory: the clone that the page speaks of. */
  readonly folder: string
  /** What the page names and a test has elsewhere: ports, upstreams. Replaced wherever it stands. */
  readonly replace: Readonly<Record<string, string>>
  /** Of the commands: `PASSWORD`, and what a test has to add. */
  readonly env: Readonly<Record<string, string>>
}

/**
 * Does what a page says, in its order: writes the configurations that begin with their path (`# config/x.yml`), runs
 * `sh run` blocks, starts what `sh serve` blocks start in place of what ran before. Rejects with a command's own words.
 */
export async function followPage(t: Scope, page: string, reader: Reader): Promise<void> {
  const env = await environment(t, reader)
  let running: RunningProcess | undefined
  for (const { kind, text: written, line } of await readBlocks(page)) {
    const text = replaced(written, reader)
    const file = /^# (config\/\S+\.yml)\n/.exec(text)?.[1]
    if (kind === 'yaml' && file !== undefined) await writeConfig(join(reader.folder, file), text)
    else if (kind === 'sh run') await run(`${page}:${line}`, text, reader, env)
    else if (kind === 'sh serve') {
      await running?.stop()
      running = await startProcess(t, 'bash', {
        args: ['-c', `exec ${text}`],
        cwd: reader.folder,
        env,
        ready: (program) => program.log().includes('health and metrics on'),
      })
    }
  }
}

function replaced(text: string, { replace }: Reader): string {
  return Object.entries(replace).reduce((result, [from, to]) => result.replaceAll(from, to), text)
}

/** The default admin address may be somebody else's here. */
async function writeConfig(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, `${text}\nadmin: { address: "127.0.0.1:0" }\n`)
}

async function run(
  where: string,
  text: string,
  { folder }: Reader,
  env: Record<string, string>,
): Promise<void> {
  const args = ['-euo', 'pipefail', '-c', text]
  try {
    await promisify(execFile)('bash', args, { cwd: folder, env: { ...process.env, ...env } })
  } catch (cause) {
    const stderr = cause instanceof Error && 'stderr' in cause ? String(cause.stderr).trim() : String(cause)
    throw new Error(`${where}: ${stderr}`, { cause })
  }
}

/** A home of the reader's own, and the commands as the pages write them. */
async function environment(t: Scope, { env }: Reader): Promise<Record<string, string>> {
  const home = await temporaryFolder(t)
  const commands = join(home, 'bin')
  await mkdir(commands)
  await script(join(commands, 'dockgate'), `exec "${process.execPath}" "${MAIN}" "$@"`)
  const path = process.env['PATH'] ?? ''
  // No policy of the machine may decide which images can be copied.
  await script(join(commands, 'skopeo'), `PATH="${path}" exec skopeo --insecure-policy "$@"`)
  return {
    HOME: home,
    XDG_RUNTIME_DIR: home,
    ...env,
    PATH: [commands, path].join(delimiter),
  }
}

async function script(file: string, command: string): Promise<void> {
  await writeFile(file, `#!/bin/sh\n${command}\n`)
  await chmod(file, 0o755)
}

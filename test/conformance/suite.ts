// The official conformance suite of the OCI distribution-spec: run with Go, its report read.
import { execFile } from 'node:child_process'
import { mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { readReport, type Report } from './report.ts'

/** The suite at distribution-spec commit 967efdc: a Go module of its own. */
const MODULE = 'github.com/opencontainers/distribution-spec/conformance@v0.0.0-20260716174315-967efdc079b9'
const OLDEST_GO = [1, 24] as const
const TIMEOUT_MS = 15 * 60_000

/** Which specification the suite holds a registry to: the one that was released, and the draft of the next. */
export type Version = '1.1' | 'dev'

export interface Target {
  /** What the run is called in the summary; its results go into a folder of that name. */
  readonly name: string
  readonly url: string
  readonly account?: { username: string; password: string }
  /** A certificate file to trust besides the system's. */
  readonly caFile?: string
}

/** The suite could not be run at all: `exitCode` 3 without Go, 4 when Go could not get or start it. */
export class SuiteUnavailableError extends Error {
  override readonly name = 'SuiteUnavailableError'
  readonly exitCode: 3 | 4
  constructor(message: string, exitCode: 3 | 4) {
    super(message)
    this.exitCode = exitCode
  }
}

/** The command that runs the suite: Go, or a program that was built from it before. */
export async function findSuite(program: string | undefined): Promise<readonly string[]> {
  if (program !== undefined) return [program]
  const version = await goVersion()
  const [major = 0, minor = 0] = /go(\d+)\.(\d+)/.exec(version)?.slice(1).map(Number) ?? []
  const isNew = major > OLDEST_GO[0] || (major === OLDEST_GO[0] && minor >= OLDEST_GO[1])
  if (!isNew) {
    const found = version === '' ? 'none was found' : `this is ${version}`
    throw new SuiteUnavailableError(`conformance needs Go ${OLDEST_GO.join('.')} or newer: ${found}`, 3)
  }
  return ['go', 'run', MODULE]
}

async function goVersion(): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)('go', ['env', 'GOVERSION'])
    return stdout.trim()
  } catch {
    return ''
  }
}

/** Runs the suite against one target. Its report, also as a page to read, is left in `folder`. */
export async function runSuite(
  command: readonly string[],
  target: Target,
  version: Version,
  folder: string,
): Promise<Report> {
  const results = join(folder, `${target.name} ${version}`.replaceAll(' ', '-'))
  await rm(results, { recursive: true, force: true })
  await mkdir(results, { recursive: true })
  const [program = '', ...args] = command
  const failure = await promisify(execFile)(program, args, {
    env: { ...process.env, ...settings(target, version), OCI_RESULTS_DIR: results },
    cwd: results, // no configuration file of the suite lies about there
    timeout: TIMEOUT_MS,
    maxBuffer: 64 * 1024 * 1024,
  }).then(
    () => '',
    (error: unknown) => lastLine(error),
  )
  // The suite ends with 1 when a check failed, and so does Go when it could not run it: the report tells them apart.
  const xml = await readFile(join(results, 'junit.xml'), 'utf8').catch(() => undefined)
  if (xml === undefined) throw new SuiteUnavailableError(`the suite did not run: ${failure}`, 4)
  return readReport(xml)
}

function settings({ url, account, caFile }: Target, version: Version): Record<string, string> {
  const { protocol, host } = new URL(url)
  return {
    OCI_REGISTRY: host,
    OCI_TLS: protocol === 'https:' ? 'enabled' : 'disabled',
    ...(caFile === undefined ? {} : { SSL_CERT_FILE: caFile }), // Go's own variable
    // What one version's run leaves behind must not make the other's easier.
    OCI_REPO1: `conformance/one-${version}`,
    OCI_REPO2: `conformance/two-${version}`,
    OCI_USERNAME: account?.username ?? '',
    OCI_PASSWORD: account?.password ?? '',
    OCI_VERSION: version,
    OCI_FILTER_TEST: '',
    OCI_LOG: 'error',
  }
}

function lastLine(error: unknown): string {
  const stderr = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : ''
  return (stderr || String(error)).split('\n').at(-1)?.trim() ?? ''
}

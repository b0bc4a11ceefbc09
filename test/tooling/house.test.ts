// The house's rules are held by .oxlintrc.json: a tree that breaks each of them once is linted with that very file.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { before, test } from 'node:test'
import { promisify } from 'node:util'

const ROOT = join(import.meta.dirname, '../..')
const OXLINT = join(ROOT, 'node_modules/.bin/oxlint')

/** Paths and their source; the comment of each says what the linter has to find there. */
const PLANTED = {
  'src/oci/digest.ts': 'export const digest = 1',
  'src/storage/driver.ts': "import { digest } from '../oci/digest.ts'\nexport const driver = digest",
  'src/config/load.ts': "export const home = process.env['HOME']",
  'src/telemetry/log.ts': 'export interface Log { readonly level: string }\nexport const log = 1',
  'src/core/registry.ts': 'export interface Registry { readonly name: string }',
  'src/core/bundled/registry.ts': "export type { Registry } from '../registry.ts'",
  'src/app/gateway.ts': "import { home } from '../config/load.ts'\nexport const gateway = home",
  'src/server/listener.ts': "import { log } from '../telemetry/log.ts'\nexport const listener = log",
  // Each of these breaks one rule.
  'src/storage/upward.ts': "import type { Registry } from '../core/registry.ts'\nexport type Up = Registry",
  'src/api/sideways.ts': "import { admin } from '../admin/app.ts'\nexport const sideways = admin",
  'src/admin/app.ts': 'export const admin = 1',
  'src/auth/configured.ts': "import { home } from '../config/load.ts'\nexport const configured = home",
  'src/core/logging.ts': "import type { Log } from '../telemetry/log.ts'\nexport type Logging = Log",
  'src/core/mirror/meets.ts': "export type { Registry } from '../bundled/registry.ts'",
  'src/core/mirror/upward.ts': "import { gateway } from '../../app/gateway.ts'\nexport const up = gateway",
  'src/console/page.ts': "import { digest } from '../oci/digest.ts'\nexport const page = digest",
  'src/console/views/list.ts': "import { admin } from '../../admin/app.ts'\nexport const list = admin",
  'src/cache/egg.ts': "import type { Hen } from './hen.ts'\nexport interface Egg { readonly hen?: Hen }",
  'src/cache/hen.ts': "import type { Egg } from './egg.ts'\nexport interface Hen { readonly egg?: Egg }",
  'src/cache/lazy.ts': "export const lazy = () => import('../core/registry.ts')",
  'src/cache/inline.ts': "export type Inline = import('../core/registry.ts').Registry",
  'src/cache/environment.ts': "export const home = process.env['HOME']",
  'src/cache/noisy.ts': "export const noisy = () => console.log('hello')",
  'src/cache/barrel.ts': "export * from '../oci/digest.ts'",
  'src/cache/floating.ts': 'export function run(job: () => Promise<void>) {\n  job()\n}',
  'src/cache/misused.ts':
    'export function run(job: () => Promise<boolean>) {\n  if (job()) return 1\n  return 2\n}',
  'src/cache/any.ts': 'export const parse = (value: any): string => String(value)',
  'src/cache/bang.ts': 'export const first = (list: string[]): string => list[0]!',
}

let findings: Map<string, string[]>

before(async () => {
  findings = await lint(PLANTED)
})

function rulesBrokenBy(path: keyof typeof PLANTED): string[] {
  return [...new Set(findings.get(path) ?? [])]
}

test('an import that runs downward passes', () => {
  assert.deepEqual(rulesBrokenBy('src/storage/driver.ts'), [])
  assert.deepEqual(rulesBrokenBy('src/core/bundled/registry.ts'), [])
})

test('app may import config, and server telemetry', () => {
  assert.deepEqual(rulesBrokenBy('src/app/gateway.ts'), [])
  assert.deepEqual(rulesBrokenBy('src/server/listener.ts'), [])
})

test('an import that runs upward fails, also for a type, also two folders deep', () => {
  assert.deepEqual(rulesBrokenBy('src/storage/upward.ts'), ['no-restricted-imports'])
  assert.deepEqual(rulesBrokenBy('src/core/mirror/upward.ts'), ['no-restricted-imports'])
})

test('an import that runs sideways fails', () => {
  assert.deepEqual(rulesBrokenBy('src/api/sideways.ts'), ['no-restricted-imports'])
})

test('an upward import fails in every way of writing it', () => {
  assert.deepEqual(rulesBrokenBy('src/cache/lazy.ts'), ['no-restricted-imports'])
  assert.deepEqual(rulesBrokenBy('src/cache/inline.ts'), ['consistent-type-imports'])
})

test('config and telemetry are out of reach below the folders they serve', () => {
  assert.deepEqual(rulesBrokenBy('src/auth/configured.ts'), ['no-restricted-imports'])
  assert.deepEqual(rulesBrokenBy('src/core/logging.ts'), ['no-restricted-imports'])
})

test('the kinds of core never meet', () => {
  assert.deepEqual(rulesBrokenBy('src/core/mirror/meets.ts'), ['no-restricted-imports'])
})

test('the console imports nothing of the server', () => {
  assert.deepEqual(rulesBrokenBy('src/console/page.ts'), ['no-restricted-imports'])
  assert.deepEqual(rulesBrokenBy('src/console/views/list.ts'), ['no-restricted-imports'])
})

test('two files that import each other fail, also when they share types alone', () => {
  assert.deepEqual(rulesBrokenBy('src/cache/egg.ts'), ['no-cycle'])
  assert.deepEqual(rulesBrokenBy('src/cache/hen.ts'), ['no-cycle'])
})

test('a file that only passes other files on fails', () => {
  assert.deepEqual(rulesBrokenBy('src/cache/barrel.ts'), ['no-barrel-file'])
})

test('the environment is read in config alone, and nothing below prints', () => {
  assert.deepEqual(rulesBrokenBy('src/config/load.ts'), [])
  assert.deepEqual(rulesBrokenBy('src/cache/environment.ts'), ['no-process-env'])
  assert.deepEqual(rulesBrokenBy('src/cache/noisy.ts'), ['no-console'])
})

test('a promise that nobody awaits fails, and so does one that is taken for a boolean', () => {
  assert.deepEqual(rulesBrokenBy('src/cache/floating.ts'), ['no-floating-promises'])
  assert.deepEqual(rulesBrokenBy('src/cache/misused.ts'), ['no-misused-promises'])
})

test('any and the non-null assertion fail', () => {
  assert.deepEqual(rulesBrokenBy('src/cache/any.ts'), ['no-explicit-any'])
  assert.deepEqual(rulesBrokenBy('src/cache/bang.ts'), ['no-non-null-assertion'])
})

/** Lints a temporary tree; answers the names of the rules that each file breaks. */
async function lint(files: Record<string, string>): Promise<Map<string, string[]>> {
  const root = await mkdtemp(join(tmpdir(), 'dockgate-house-'))
  try {
    await copyFile(join(ROOT, '.oxlintrc.json'), join(root, '.oxlintrc.json'))
    const compilerOptions = {
      strict: true,
      module: 'nodenext',
      allowImportingTsExtensions: true,
      noEmit: true,
    }
    await writeFile(join(root, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['src'] }))
    for (const [path, source] of Object.entries(files)) {
      await mkdir(dirname(join(root, path)), { recursive: true })
      await writeFile(join(root, path), `${source}\n`)
    }
    return byFile(await report(root))
  } finally {
    await rm(root, { recursive: true, force: true })
  }
}

/** Oxlint's JSON report on a tree that is known to be at fault: it exits 1. */
async function report(root: string): Promise<string> {
  const failure: unknown = await promisify(execFile)(OXLINT, ['--type-aware', '--format=json', 'src'], {
    cwd: root,
  }).then(
    () => undefined,
    (error: unknown) => error,
  )
  assert.ok(failure instanceof Error && 'stdout' in failure && 'code' in failure, 'oxlint finds nothing')
  assert.equal(failure.code, 1)
  return String(failure.stdout)
}

function byFile(json: string): Map<string, string[]> {
  const found = new Map<string, string[]>()
  const { diagnostics } = JSON.parse(json) as { diagnostics: { filename: string; code: string }[] }
  for (const { filename, code } of diagnostics) {
    const rule = /\((.+)\)$/.exec(code)?.[1] ?? code
    found.set(filename, [...(found.get(filename) ?? []), rule])
  }
  return found
}

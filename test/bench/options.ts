// The command line of the bench.
import { parseArgs } from 'node:util'

export const GIB = 1024 ** 3
export const MIB = 1024 ** 2

export interface Options {
  /** Names of scenarios, `*` for any text; empty: those of a usual run. */
  readonly only: readonly string[]
  /** Those that a usual run leaves out as well. */
  readonly isWhole: boolean
  /** Puts the figures into the documentation. */
  readonly writesDocs: boolean
  /** How often each figure is taken; the median counts. */
  readonly runs: number
  /** How long small requests are sent, per run. */
  readonly seconds: number
  /** How long they are sent before that, until code is compiled and caches are filled. */
  readonly warmUpSeconds: number
  readonly largeBlobBytes: number
  /** The sizes of the blobs that move while memory is watched. */
  readonly memoryBlobBytes: readonly number[]
  readonly idleConnections: number
  /** Where dockgate writes CPU profiles; its figures are not comparable then. */
  readonly profileFolder: string | undefined
}

const FULL = {
  runs: 5,
  seconds: 1,
  warmUpSeconds: 2,
  largeBlobBytes: GIB,
  memoryBlobBytes: [256 * MIB, GIB],
  idleConnections: 10_000,
}
const QUICK = {
  runs: 1,
  seconds: 1,
  warmUpSeconds: 1,
  largeBlobBytes: 256 * MIB,
  memoryBlobBytes: [64 * MIB, 256 * MIB],
  idleConnections: 1000,
}

/** Undefined: help was asked for. Throws for what is not understood. */
export function parseOptions(args: readonly string[]): Options | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      help: { type: 'boolean', short: 'h' },
      quick: { type: 'boolean' },
      all: { type: 'boolean' },
      'write-docs': { type: 'boolean' },
      only: { type: 'string', multiple: true },
      runs: { type: 'string' },
      seconds: { type: 'string' },
      profile: { type: 'string' },
    },
  })
  if (values.help === true) return undefined
  if (values['write-docs'] === true && (values.quick === true || values.only !== undefined))
    throw new Error('--write-docs is for a whole run: leave out --quick and --only')
  const sizes = values.quick === true ? QUICK : FULL
  return {
    ...sizes,
    isWhole: values.all === true,
    writesDocs: values['write-docs'] === true,
    only: values.only?.flatMap((names) => names.split(',')) ?? [],
    runs: positive('runs', values.runs) ?? sizes.runs,
    seconds: positive('seconds', values.seconds) ?? sizes.seconds,
    profileFolder: values.profile,
  }
}

interface Choice {
  readonly name: string
  readonly isExtra?: boolean
}

/** Those that were asked for. Throws for a name that no scenario has. */
export function selectScenarios<Scenario extends Choice>(
  scenarios: readonly Scenario[],
  { only, isWhole }: Pick<Options, 'only' | 'isWhole'>,
): readonly Scenario[] {
  if (only.length === 0) return scenarios.filter(({ isExtra }) => isWhole || isExtra !== true)
  const patterns = only.map((text) => ({ text, pattern: patternOf(text) }))
  const unknown = patterns.find(({ pattern }) => !scenarios.some(({ name }) => pattern.test(name)))
  if (unknown)
    throw new Error(
      `no scenario "${unknown.text}": there are ${scenarios.map(({ name }) => name).join(', ')}`,
    )
  return scenarios.filter(({ name }) => patterns.some(({ pattern }) => pattern.test(name)))
}

function patternOf(text: string): RegExp {
  return new RegExp(
    `^${text
      .split('*')
      .map((part) => part.replaceAll(/\W/g, '\\$&'))
      .join('.*')}$`,
  )
}

/** `scenarios` by name. */
export function helpText(scenarios: readonly (Choice & { readonly title: string })[]): string {
  const width = Math.max(...scenarios.map(({ name }) => name.length))
  return `npm run bench -- [options]

Measures dockgate beside a bare node:https handler, nginx, docker-registry and distribution 3: every server on one
core, the clients on another. Prints ratios and targets, writes bench-results/<time>.json and .svg.
Exits 0 when every target is reached, 1 otherwise.

  --quick             smaller blobs, one run in place of five: a look, not a result
  --only <scenario>   one scenario, or several by commas; * stands for any text
  --all               also those that a usual run leaves out
  --runs <n>          how often each figure is taken (${FULL.runs})
  --seconds <n>       how long small requests are sent per run (${FULL.seconds})
  --profile <folder>  dockgate writes CPU profiles there; it is slower meanwhile
  --write-docs        puts tables and chart into docs/
  --help

Scenarios (+ with --all or by name):
${scenarios.map(({ name, title, isExtra }) => `${isExtra === true ? '+' : ' '} ${name.padEnd(width)}  ${title}`).join('\n')}

Examples:
  npm run bench -- --quick
  npm run bench -- --only 'manifest-*' --runs 9`
}

function positive(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1) throw new Error(`--${name} must be a whole number above zero`)
  return value
}

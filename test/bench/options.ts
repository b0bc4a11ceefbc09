// The command line of the bench.
import { parseArgs } from 'node:util'

export const GIB = 1024 ** 3
export const MIB = 1024 ** 2

export interface Options {
  /** Names of scenarios; empty: all of them. */
  readonly only: readonly string[]
  /** How often each figure is taken; the median counts. */
  readonly runs: number
  /** How long small requests are sent, per run. */
  readonly seconds: number
  readonly largeBlobBytes: number
  /** The sizes of the blobs that move while memory is watched. */
  readonly memoryBlobBytes: readonly number[]
  readonly idleConnections: number
  /** Where dockgate writes CPU profiles; its figures are not comparable then. */
  readonly profileFolder: string | undefined
}

const FULL = {
  runs: 5,
  seconds: 2,
  largeBlobBytes: GIB,
  memoryBlobBytes: [256 * MIB, GIB],
  idleConnections: 10_000,
}
const QUICK = {
  runs: 3,
  seconds: 1,
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
      only: { type: 'string', multiple: true },
      runs: { type: 'string' },
      seconds: { type: 'string' },
      profile: { type: 'string' },
    },
  })
  if (values.help === true) return undefined
  const sizes = values.quick === true ? QUICK : FULL
  return {
    ...sizes,
    only: values.only?.flatMap((names) => names.split(',')) ?? [],
    runs: positive('runs', values.runs) ?? sizes.runs,
    seconds: positive('seconds', values.seconds) ?? sizes.seconds,
    profileFolder: values.profile,
  }
}

/** Those that were asked for; all, when none was named. Throws for a name that no scenario has. */
export function selectScenarios<Named extends { readonly name: string }>(
  scenarios: readonly Named[],
  { only }: Pick<Options, 'only'>,
): readonly Named[] {
  const unknown = only.find((name) => !scenarios.some((scenario) => scenario.name === name))
  if (unknown !== undefined)
    throw new Error(`no scenario "${unknown}": there are ${scenarios.map(({ name }) => name).join(', ')}`)
  return only.length === 0 ? scenarios : scenarios.filter(({ name }) => only.includes(name))
}

/** `scenarios` by name. */
export function helpText(scenarios: readonly { readonly name: string; readonly title: string }[]): string {
  const width = Math.max(...scenarios.map(({ name }) => name.length))
  return `npm run bench -- [options]

Measures dockgate beside a bare node:https handler, nginx + docker-registry, and docker-registry: every server on
one core, the clients on another. Prints ratios and targets, writes bench-results/<time>.json.
Exits 0 when every target is reached, 1 otherwise.

  --quick             smaller blobs, fewer and shorter runs: a look, not a result
  --only <scenario>   one scenario, or several by commas
  --runs <n>          how often each figure is taken (${FULL.runs})
  --seconds <n>       how long small requests are sent per run (${FULL.seconds})
  --profile <folder>  dockgate writes CPU profiles there; it is slower meanwhile
  --help

Scenarios:
${scenarios.map(({ name, title }) => `  ${name.padEnd(width)}  ${title}`).join('\n')}

Examples:
  npm run bench -- --quick
  npm run bench -- --only manifest-basic,manifest-bearer --runs 9`
}

function positive(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1) throw new Error(`--${name} must be a whole number above zero`)
  return value
}

// `npm run bench`: dockgate and its peers at the same work, on the same machine, in one run.
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ROOT } from '../support/gateway.ts'
import { chartOf } from './chart.ts'
import { withFigures } from './docs-page.ts'
import { describeMachine, obstacle } from './machine.ts'
import { measureAll } from './measure-all.ts'
import { helpText, parseOptions, selectScenarios } from './options.ts'
import { pinThisProcess } from './pinned.ts'
import { headingOf, isMissed, machineText, resultText, writeResults } from './report.ts'
import type { Result, Run } from './result.ts'
import { SCENARIOS } from './scenarios.ts'

const RESULTS = join(ROOT, 'bench-results')
const DOCS = join(ROOT, 'docs')

const interruption = new AbortController()
for (const name of ['SIGINT', 'SIGTERM'] as const)
  process.once(name, () => interruption.abort(new Error(`ended by ${name}`)))

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  const reason: unknown = interruption.signal.aborted ? interruption.signal.reason : error
  console.error(`bench: ${reason instanceof Error ? reason.message : String(reason)}`)
  process.exitCode = 1
}

async function main(args: readonly string[]): Promise<number> {
  const options = parseOptions(args)
  if (!options) {
    console.log(helpText(SCENARIOS))
    return 0
  }
  const scenarios = selectScenarios(SCENARIOS, options)
  const problem = obstacle()
  if (problem !== undefined) throw new Error(problem)
  const machine = await describeMachine()
  console.log(`${machineText(machine)}\n`)
  await pinThisProcess()
  const { signal } = interruption
  const results = await measureAll(scenarios, options, signal, (result) => console.log(resultText(result)))
  const run = { time: new Date().toISOString(), version: await ownVersion(), machine, options, results }
  console.error(`written: ${(await writeResults(RESULTS, run)).join(', ')}`)
  if (options.writesDocs) await writeDocs(run)
  const isGood = ({ verdicts, failure }: Result): boolean => failure === undefined && !verdicts.some(isMissed)
  return results.every(isGood) ? 0 : 1
}

async function ownVersion(): Promise<string> {
  const text = await readFile(join(ROOT, 'package.json'), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}

async function writeDocs(run: Run): Promise<void> {
  const page = join(DOCS, 'benchmarks.md')
  await writeFile(page, withFigures(await readFile(page, 'utf8'), run))
  await writeFile(join(DOCS, 'benchmarks.svg'), chartOf(run.results, headingOf(run)))
}

// `npm run bench`: dockgate and its peers at the same work, on the same machine, in one run.
import { join } from 'node:path'
import { ROOT } from '../support/gateway.ts'
import { describeMachine, obstacle } from './machine.ts'
import { measureAll } from './measure-all.ts'
import { helpText, parseOptions, selectScenarios } from './options.ts'
import { pinThisProcess } from './pinned.ts'
import { machineText, resultText, writeResults } from './report.ts'
import type { Verdict } from './scenario.ts'
import { SCENARIOS } from './scenarios.ts'

const RESULTS = join(ROOT, 'bench-results')

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
  console.log(machineText(machine))
  await pinThisProcess()
  const { signal } = interruption
  const results = await measureAll(scenarios, options, signal, (result) => console.log(resultText(result)))
  console.error(`written: ${await writeResults(RESULTS, { machine, options, results })}`)
  const isMissed = ({ isReached, isGoal }: Verdict): boolean => !isReached && isGoal !== true
  return results.some(({ verdicts }) => verdicts.some(isMissed)) ? 1 : 0
}

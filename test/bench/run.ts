// `npm run bench`: dockgate and its peers at the same work, on the same machine, in one run.
import { join } from 'node:path'
import { makeCertificate } from '../support/certificates.ts'
import { ROOT } from '../support/gateway.ts'
import { temporaryFolder, type Scope } from '../support/scope.ts'
import { makeContent } from './make-content.ts'
import { describeMachine, obstacle } from './machine.ts'
import { helpText, parseOptions, type Options } from './options.ts'
import { machineText, resultText, writeResults, type Result } from './report.ts'
import { judge, type Bench, type Scenario } from './scenario.ts'
import { access } from './scenarios/access.ts'
import { blob1Gib } from './scenarios/blob-1gib.ts'
import { blob1Mib } from './scenarios/blob-1mib.ts'
import { manifestBasic } from './scenarios/manifest-basic.ts'
import { manifestBearer } from './scenarios/manifest-bearer.ts'
import { manifestPut } from './scenarios/manifest-put.ts'
import { memory } from './scenarios/memory.ts'
import { push1Gib } from './scenarios/push-1gib.ts'

const SCENARIOS: readonly Scenario[] = [
  manifestBasic,
  manifestBearer,
  manifestPut,
  blob1Mib,
  blob1Gib,
  push1Gib,
  memory,
  access,
]
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
  const scenarios = selected(options)
  const problem = obstacle()
  if (problem !== undefined) throw new Error(problem)
  const machine = await describeMachine()
  console.log(machineText(machine))
  const results = await measureAll(scenarios, options)
  console.error(`written: ${await writeResults(RESULTS, { machine, options, results })}`)
  return results.every(({ verdicts }) => verdicts.every(({ isReached }) => isReached)) ? 0 : 1
}

function selected({ only }: Options): readonly Scenario[] {
  const unknown = only.find((name) => !SCENARIOS.some((scenario) => scenario.name === name))
  if (unknown !== undefined)
    throw new Error(`no scenario "${unknown}": there are ${SCENARIOS.map(({ name }) => name).join(', ')}`)
  return only.length === 0 ? SCENARIOS : SCENARIOS.filter(({ name }) => only.includes(name))
}

async function measureAll(scenarios: readonly Scenario[], options: Options): Promise<Result[]> {
  await using stack = new AsyncDisposableStack()
  const bench = await prepare(scopeOf(stack), scenarios, options)
  const results: Result[] = []
  for (const scenario of scenarios) {
    const { name, title, unit } = scenario
    await using servers = new AsyncDisposableStack()
    const progress = (text: string): void => bench.progress(`${name}: ${text}`)
    const figures = await scenario.measure(scopeOf(servers), { ...bench, progress })
    const verdicts = judge(scenario.targets(options), figures)
    const result = { scenario: { name, title, unit }, figures, verdicts }
    console.log(resultText(result))
    results.push(result)
  }
  return results
}

async function prepare(t: Scope, scenarios: readonly Scenario[], options: Options): Promise<Bench> {
  const { signal } = interruption
  const progress = (text: string): void => {
    signal.throwIfAborted()
    console.error(text)
  }
  const [tls, root] = [await makeCertificate(t), await temporaryFolder(t)]
  const blobSizes = scenarios.flatMap((scenario) => scenario.blobSizes(options))
  await using filling = new AsyncDisposableStack()
  const content = await makeContent(scopeOf(filling), { root, tls, blobSizes, progress })
  const { profileFolder } = options
  return {
    options,
    content,
    tls,
    signal,
    progress,
    start: (scope, system) => system.start(scope, { tls, root, content, profileFolder }),
  }
}

function scopeOf(stack: AsyncDisposableStack): Scope {
  return { after: (close) => stack.defer(close) }
}

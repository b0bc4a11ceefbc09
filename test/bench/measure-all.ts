// One scenario after the other, on content that is made once.
import { makeCertificate } from '../support/certificates.ts'
import { scoped, temporaryFolder, type Scope } from '../support/scope.ts'
import { makeContent } from './content/make-content.ts'
import type { Options } from './options.ts'
import type { Result } from './result.ts'
import { judge, type Bench, type Scenario } from './scenario.ts'
import { CannotRunError, type RunningSystem, type System, type SystemOptions } from './system.ts'

/** What the scenarios of one run share. */
type Shared = Pick<Bench, 'options' | 'content' | 'tls' | 'signal'>

type Found = Omit<Result, 'seconds'>

/** Calls `onResult` as soon as a scenario is done. */
export async function measureAll(
  scenarios: readonly Scenario[],
  options: Options,
  signal: AbortSignal,
  onResult: (result: Result) => void,
): Promise<Result[]> {
  return scoped(async (t) => {
    const shared = await prepare(t, scenarios, options, signal)
    const results: Result[] = []
    for (const scenario of scenarios) {
      const startedAt = performance.now()
      const found = await scoped((servers) => measureOne(servers, shared, scenario)).catch((error: unknown) =>
        failed(shared, scenario, error),
      )
      const result = { ...found, seconds: Math.round((performance.now() - startedAt) / 1000) }
      onResult(result)
      results.push(result)
    }
    return results
  })
}

async function measureOne(t: Scope, shared: Shared, scenario: Scenario): Promise<Found> {
  const { name, title, unit } = scenario
  const [notes, absent] = [new Array<string>(), new Set<string>()]
  const figures = await scenario.measure(t, {
    ...shared,
    progress: (text) => tell(shared.signal, `${name}: ${text}`),
    note: (text) => void notes.push(text),
    start: async (scope, system, changes) => {
      const started = await startOrSay(scope, system, { ...usual(shared), ...changes })
      if (typeof started !== 'string') return started
      if (!absent.has(system.name)) notes.push(`left out: ${system.name}: ${started}`)
      absent.add(system.name)
      return undefined
    },
  })
  const verdicts = judge(scenario.targets(shared.options), figures, absent)
  return { scenario: { name, title, unit }, figures, verdicts, notes }
}

/** One scenario that fails must not take the figures of the others with it. */
function failed({ signal }: Shared, { name, title, unit }: Scenario, error: unknown): Found {
  signal.throwIfAborted()
  const failure = error instanceof Error ? error.message : String(error)
  return { scenario: { name, title, unit }, figures: [], verdicts: [], notes: [], failure }
}

function usual({ tls, content, options }: Shared): SystemOptions {
  return { tls, root: content.root, content, profileFolder: options.profileFolder, isPlain: false }
}

/** The system, or why it cannot run here. */
async function startOrSay(t: Scope, system: System, options: SystemOptions): Promise<RunningSystem | string> {
  try {
    return await system.start(t, options)
  } catch (error) {
    if (error instanceof CannotRunError) return error.message
    throw error
  }
}

async function prepare(
  t: Scope,
  scenarios: readonly Scenario[],
  options: Options,
  signal: AbortSignal,
): Promise<Shared> {
  const [tls, root] = [await makeCertificate(t), await temporaryFolder(t)]
  const needs = scenarios.flatMap((scenario) => scenario.needs?.(options) ?? [])
  const progress = (text: string): void => tell(signal, text)
  const content = await makeContent({ root, needs, progress })
  return { options, content, tls, signal }
}

function tell(signal: AbortSignal, text: string): void {
  signal.throwIfAborted()
  console.error(text)
}

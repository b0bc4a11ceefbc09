// `npm run conformance`: the official OCI suite against dockgate, held against the failures that are known.
// With `-- --url http://127.0.0.1:5000 [--account user:password]` against any other registry.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Scope } from '../support/scope.ts'
import { startGuardedGateway, startOpenGateway, startWorkersGateway } from './gateways.ts'
import { judge, readKnown, type Report } from './report.ts'
import { findSuite, runSuite, SuiteUnavailableError, type Target, type Version } from './suite.ts'

const KNOWN = join(import.meta.dirname, 'known.txt')
const VERSIONS: readonly Version[] = ['1.1', 'dev']
const RESULTS = join(import.meta.dirname, 'results')

const { values: options } = parseArgs({
  options: {
    url: { type: 'string' },
    account: { type: 'string' },
    /** A program built from the suite, instead of `go run`. */
    suite: { type: 'string' },
  },
})

try {
  process.exitCode = await main()
} catch (error) {
  if (!(error instanceof SuiteUnavailableError)) throw error
  console.error(error.message)
  process.exitCode = error.exitCode
}

/** 0 when exactly the known checks fail, 1 otherwise. */
async function main(): Promise<number> {
  const suite = await findSuite(options.suite)
  await using stack = new AsyncDisposableStack()
  const scope: Scope = { after: (close) => stack.defer(close) }
  const reports: Report[] = []
  for (const start of targets()) {
    const target = await start(scope)
    for (const version of VERSIONS) {
      const report = await runSuite(suite, target, version, RESULTS)
      console.log(`${version} ${summary(target, report)}`)
      reports.push(report)
    }
  }
  return verdict(reports, readKnown(await readFile(KNOWN, 'utf8')))
}

function targets(): ((t: Scope) => Promise<Target>)[] {
  const { url, account } = options
  if (url === undefined) return [startOpenGateway, startGuardedGateway, startWorkersGateway]
  const [username = '', ...password] = account?.split(':') ?? []
  const login = account === undefined ? {} : { account: { username, password: password.join(':') } }
  return [() => Promise.resolve({ name: 'other registry', url, ...login })]
}

function summary({ name }: Target, { total, pass, fail, skip, disabled }: Report): string {
  return `${name}: ${total} checks, ${pass} pass, ${fail} FAIL, ${skip} skip, ${disabled} disabled`
}

function verdict(reports: readonly Report[], known: ReadonlySet<string>): number {
  const { unexpected, mended } = judge(reports, known)
  for (const [name, reason] of unexpected) console.log(`FAIL ${name}: ${reason}`)
  for (const name of mended) console.log(`mended, take it out of known.txt: ${name}`)
  if (unexpected.size === 0 && mended.length === 0) {
    console.log(`conformance: no failure but the ${known.size} that are known`)
    return 0
  }
  console.log(
    `conformance: ${unexpected.size} unexpected, ${mended.length} mended; see ${RESULTS}/*/report.html`,
  )
  return 1
}

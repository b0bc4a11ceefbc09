// The suite's junit.xml, and what it means beside the list of failures that are known.

/** Every check's name begins with this in the report; it is left out here. */
const PREFIX = 'OCI Conformance Test/'

export interface Report {
  readonly total: number
  readonly pass: number
  readonly fail: number
  readonly skip: number
  readonly disabled: number
  /** Names of checks that failed, each once, with the first line of why. */
  readonly failures: ReadonlyMap<string, string>
  /** Names of checks that ran and passed wherever they stand: one name can stand for several checks. */
  readonly passes: ReadonlySet<string>
}

/** Reads the report. Throws when it is not of the form that this commit of the suite writes. */
export function readReport(xml: string): Report {
  const suite = /<testsuite [^>]*>/.exec(xml)?.[0]
  if (suite === undefined) throw new Error('the report holds no test suite')
  const count = (name: string): number => Number(attribute(suite, name) ?? '0')
  const failures = new Map<string, string>()
  const passes = new Set<string>()
  for (const [, tag = '', content = ''] of xml.matchAll(/<testcase ([^>]*)>([^]*?)<\/testcase>/g)) {
    const name = (attribute(tag, 'name') ?? '').replace(PREFIX, '')
    const status = attribute(tag, 'status')
    if (status === 'passed') passes.add(name)
    if (status === 'failure' || status === 'error') failures.set(name, failures.get(name) ?? reason(content))
  }
  for (const name of failures.keys()) passes.delete(name)
  const fail = count('failures') + count('errors')
  if (fail > 0 !== failures.size > 0) throw new Error('the report counts failures that it does not name')
  const [total, skip, disabled] = [count('tests'), count('skipped'), count('disabled')]
  return { total, pass: total - fail - skip - disabled, fail, skip, disabled, failures, passes }
}

/** Names that failed and are not known, and known names that fail in no run any more. */
export interface Verdict {
  readonly unexpected: ReadonlyMap<string, string>
  readonly mended: readonly string[]
}

/** Holds the runs against the known failures. A name is mended when it passed in one run and failed in none. */
export function judge(reports: readonly Report[], known: ReadonlySet<string>): Verdict {
  const failures = new Map(reports.flatMap((report) => [...report.failures]))
  const unexpected = new Map([...failures].filter(([name]) => !known.has(name)))
  const passes = (name: string): boolean => reports.some((report) => report.passes.has(name))
  return { unexpected, mended: [...known].filter((name) => !failures.has(name) && passes(name)) }
}

/** The names in known.txt: one a line, `#` begins a remark. */
export function readKnown(text: string): Set<string> {
  const lines = text.split('\n').map((line) => line.trim())
  return new Set(lines.filter((line) => line !== '' && !line.startsWith('#')))
}

function reason(content: string): string {
  const text = /<system-out>([^]*?)<\/system-out>/.exec(content)?.[1] ?? ''
  return unescape(text).trim().split('\n')[0] ?? ''
}

function attribute(tag: string, name: string): string | undefined {
  const value = new RegExp(`(?:^|\\s)${name}="([^"]*)"`).exec(tag)?.[1]
  return value === undefined ? undefined : unescape(value)
}

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" }

function unescape(text: string): string {
  return text.replaceAll(
    /&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi,
    (whole, hex?: string, decimal?: string, name?: string) => {
      if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16))
      if (decimal !== undefined) return String.fromCodePoint(Number(decimal))
      return ENTITIES[name ?? ''] ?? whole
    },
  )
}

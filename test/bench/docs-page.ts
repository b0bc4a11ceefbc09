// The last whole run, as docs/benchmarks.md shows it.
import { machineText, resultText } from './report.ts'
import type { Run } from './result.ts'

const BEGIN = '<!-- bench: what follows is written by npm run bench -- --write-docs -->'
const END = '<!-- /bench -->'

/** The page with the figures in place of those that were there. Throws for a page without the two marks. */
export function withFigures(page: string, run: Run): string {
  const [before, rest] = halves(page, BEGIN)
  const [, after] = halves(rest, END)
  const { time, version, machine, results } = run
  const tables = results.map((result) => `\`\`\`\n${resultText(result).trimEnd()}\n\`\`\``)
  return [
    `${before}${BEGIN}`,
    `${time.slice(0, 10)}, version ${version}. ${machineText(machine)}`,
    '![A bar for each system and scenario](benchmarks.svg)',
    ...tables,
    `${END}${after}`,
  ].join('\n\n')
}

function halves(text: string, mark: string): [string, string] {
  const at = text.indexOf(mark)
  if (at < 0) throw new Error(`the page has no line "${mark}"`)
  return [text.slice(0, at), text.slice(at + mark.length)]
}

// A YAML text with the place of everything in it.
import { isAlias, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument, type Document } from 'yaml'
import { ConfigError, type ConfigProblem } from './config-error.ts'
import { formatPath, type ConfigPath, type PathProblem } from './problem.ts'

/** One slip makes the parser stumble over all that follows. */
const MAX_SYNTAX_PROBLEMS = 10
const TOO_DEEP = 'nested too deeply'

/** A parsed YAML text. */
export interface YamlSource {
  /** Plain data; an empty text is an empty mapping. */
  readonly value: unknown
  /** Puts file, line and column to a problem: those of the key, or of the list's item. */
  readonly locate: (problem: PathProblem) => ConfigProblem
}

/** Parses one YAML document. Throws a {@link ConfigError} with every syntax error, duplicate keys among them. */
export function parseYaml(text: string, file: string): YamlSource {
  const lines = new LineCounter()
  const place = (offset: number) => {
    const { line, col } = lines.linePos(offset)
    return { file, line: Math.max(line, 1), column: Math.max(col, 1) }
  }
  const document = guardDepth(file, () =>
    // Warnings (an unknown !tag) would otherwise be printed and the value silently taken as text.
    parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'silent' }),
  )
  const faults = [...document.errors, ...document.warnings]
    .slice(0, MAX_SYNTAX_PROBLEMS)
    .map((fault) => ({ ...place(fault.pos[0]), message: explain(fault.message) }))
  // What follows from an exhausted stack says nothing.
  if (faults.length > 0) throw new ConfigError(faults[0]?.message === TOO_DEEP ? faults.slice(0, 1) : faults)
  return {
    value: guardDepth(file, () => document.toJS({ maxAliasCount: 100 }) ?? {}),
    locate: ({ path, message }) => {
      const label = formatPath(path)
      return { ...place(offsetOf(document, path)), message: label === '' ? message : `${label}: ${message}` }
    },
  }
}

/** The parser and the conversion recurse: a text of nothing but brackets exhausts the stack; aliases may multiply. */
function guardDepth<Result>(file: string, work: () => Result): Result {
  try {
    return work()
  } catch (cause) {
    const message = explain(String(cause))
    throw new ConfigError([{ file, line: undefined, column: undefined, message }])
  }
}

function explain(message: string): string {
  const [line = ''] = message.split('\n')
  if (/Maximum call stack/.test(line)) return TOO_DEEP
  if (/cannot start with reserved character @/.test(line)) return `${line}: write it in quotes, "@group"`
  return line
}

/** Where the key or item at `path` begins, or else the nearest one around it that is written in the file. */
function offsetOf(document: Document.Parsed, path: ConfigPath): number {
  let node: unknown = document.contents
  let offset = 0
  for (const step of path) {
    const holder = isAlias(node) ? node.resolve(document) : node
    const entry = isMap(holder) ? holder.items.find(({ key }) => keyText(key) === String(step)) : undefined
    node = entry ? entry.value : isSeq(holder) ? holder.items[Number(step)] : undefined
    const start = startOf(entry?.key) ?? startOf(node)
    if (start === undefined) return offset
    offset = start
  }
  return offset
}

function keyText(key: unknown): string {
  return String(isScalar(key) ? key.value : key)
}

function startOf(node: unknown): number | undefined {
  return isNode(node) ? node.range?.[0] : undefined
}

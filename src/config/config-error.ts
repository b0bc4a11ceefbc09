// What is wrong with a configuration, all of it at once, each with its place in the file.

/** One thing to repair. */
export interface ConfigProblem {
  /** The file as the user named it. */
  readonly file: string
  /** From 1; undefined when the file as a whole is meant. */
  readonly line: number | undefined
  readonly column: number | undefined
  /** One line that names the key and says what is wrong. Never holds a secret. */
  readonly message: string
}

/** The configuration cannot be used. The message has one line for each problem. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly code = 'CONFIG_INVALID'
  /** In the order of the file. */
  readonly problems: readonly ConfigProblem[]

  constructor(problems: readonly ConfigProblem[]) {
    const ordered = problems.toSorted(
      (a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0),
    )
    super(ordered.map(formatProblem).join('\n'))
    this.problems = ordered
  }
}

/** `file:line:column: message`, as editors and terminals link it. */
export function formatProblem({ file, line, column, message }: ConfigProblem): string {
  return line === undefined ? `${file}: ${message}` : `${file}:${line}:${column}: ${message}`
}

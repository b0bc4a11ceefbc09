// The schema's complaints in the words of the configuration file.
import type { z } from 'zod'
import { suggestion } from './suggest.ts'
import type { PathProblem } from './problem.ts'

type Issue = z.core.$ZodIssue

/** One problem for each thing that is wrong, with the key that is wrong at the end of its path. */
export function toProblems(issues: readonly Issue[], base: PathProblem['path'] = []): PathProblem[] {
  return issues.flatMap((issue) => {
    const path = [...base, ...issue.path.filter((step) => typeof step !== 'symbol')]
    if (issue.code === 'unrecognized_keys') return unknownKeys(issue.keys, issue.message, path)
    if (issue.code === 'invalid_key') return [{ path, message: issue.issues[0]?.message ?? issue.message }]
    if (issue.code === 'invalid_union') {
      // When one alternative has the right type, its own complaints are nearer to what was meant.
      const near = issue.errors.find((errors) => errors.every(isInside))
      if (near) return toProblems(near, path)
    }
    return [{ path, message: issue.message }]
  })
}

function unknownKeys(keys: readonly string[], message: string, path: PathProblem['path']): PathProblem[] {
  const messages = message.split('\n')
  return keys.map((key, index) => ({ path: [...path, key], message: messages[index] ?? 'unknown key' }))
}

function isInside(issue: Issue): boolean {
  return issue.path.length > 0 || issue.code === 'unrecognized_keys'
}

const TYPES: Readonly<Record<string, string>> = {
  array: 'a list',
  boolean: 'true or false',
  object: 'a mapping',
  record: 'a mapping',
  string: 'text',
}

/** What zod is told to say where the schema says nothing of its own. */
export function describeIssue(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code === 'too_small') return 'must not be empty'
  if (issue.code === 'too_big') return 'is too long'
  if (issue.code !== 'invalid_type' && issue.code !== 'invalid_value') return undefined
  if (issue.input === undefined) return 'is missing'
  if (issue.code === 'invalid_value') return describeChoice(issue.values.map(String), issue.input)
  return `must be ${TYPES[issue.expected] ?? issue.expected}${quoteHint(issue.expected, issue.input)}`
}

function describeChoice(values: readonly string[], input: unknown): string {
  const hint = typeof input === 'string' && values.length > 1 ? suggestion(input, values) : ''
  return `must be ${values.map((value) => JSON.stringify(value)).join(' or ')}${hint}`
}

function quoteHint(expected: string, input: unknown): string {
  return expected === 'string' && /number|boolean|bigint/.test(typeof input) ? '; write it in quotes' : ''
}

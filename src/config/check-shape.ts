// Holds a value against the schema, section by section: one broken section does not hide what is wrong in the others.
import type { z } from 'zod'
import type { PathProblem } from './problem.ts'
import { formatPath } from './problem.ts'
import { fileSchema, type ConfigFile } from './schema.ts'
import { describeIssue, toProblems } from './zod-problems.ts'

const tolerantSchema = fileSchema.partial({ repositories: true })

/** The sections that have the right shape. */
export type Sections = Partial<z.output<typeof tolerantSchema>>

export interface ShapeResult {
  /** Undefined when anything is wrong. */
  readonly file: ConfigFile | undefined
  readonly sections: Sections
  readonly problems: readonly PathProblem[]
}

/** Checks `value`; where `known` already names a problem, the schema's complaint is left out. */
export function checkShape(value: unknown, known: readonly PathProblem[]): ShapeResult {
  const parsed = fileSchema.safeParse(value, { error: describeIssue })
  const knownPaths = new Set(known.map(({ path }) => formatPath(path)))
  const found = toProblems(parsed.error?.issues ?? []).filter(({ path }) => !knownPaths.has(formatPath(path)))
  const problems = [...known, ...found]
  if (parsed.success && problems.length === 0) return { file: parsed.data, sections: parsed.data, problems }
  return { file: undefined, sections: intactSections(value, problems), problems }
}

function intactSections(value: unknown, problems: readonly PathProblem[]): Sections {
  const broken = new Set(problems.map(({ path: [section] }) => section))
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return {}
  const rest = Object.fromEntries(Object.entries(value).filter(([section]) => !broken.has(section)))
  const parsed = tolerantSchema.safeParse(rest)
  const sections: Sections = parsed.success ? { ...parsed.data } : {}
  // Left out because it is broken is not the same as left out: its default must not be checked in its place.
  for (const section of fileSchema.keyof().options) if (broken.has(section)) delete sections[section]
  return sections
}

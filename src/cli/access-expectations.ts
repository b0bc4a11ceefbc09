// A table of expectations about access, in YAML.
import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import type { WrittenQuestion } from '../access/written-question.ts'
import { explainFileError } from '../config/check-files.ts'
import { ConfigError } from '../config/config-error.ts'
import { parseYaml } from '../config/yaml-source.ts'
import { section } from '../config/schema-parts.ts'
import { describeIssue, toProblems } from '../config/zod-problems.ts'

export interface Expectation {
  readonly question: WrittenQuestion
  readonly expect: 'allow' | 'deny'
  /** `config/access.test.yml:12`. */
  readonly where: string
}

const table = z
  .array(
    section({
      user: z.string().min(1),
      action: z.enum(['pull', 'push', 'delete', 'catalog', 'admin']),
      repository: z.string().optional(),
      from: z.string().optional(),
      groups: z.array(z.string()).optional(),
      expect: z.enum(['allow', 'deny']),
    }),
  )
  // An empty table would be met by everything.
  .min(1, 'holds no expectation')

/** Rejects with a {@link ConfigError} that holds every problem of the file. */
export async function readExpectations(file: string): Promise<Expectation[]> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new Error(explainFileError(file, cause), { cause })
  })
  const { value, locate } = parseYaml(text, file)
  const parsed = table.safeParse(value, { error: describeIssue })
  if (!parsed.success) throw new ConfigError(toProblems(parsed.error.issues).map(locate))
  return parsed.data.map(({ user, action, repository, from, groups, expect }, index) => ({
    question: { user, action, repository, from, groups },
    expect,
    where: `${file}:${locate({ path: [index], message: '' }).line ?? ''}`,
  }))
}

// What one decision about access costs, in this process, with few grants and with many, of several shapes.
import { createPolicy } from '../../../src/access/grants-policy.ts'
import type { Caller } from '../../../src/access/caller.ts'
import type { Grant } from '../../../src/access/grants.ts'
import type { Policy } from '../../../src/access/policy.ts'
import { parseRepositoryName, type RepositoryName } from '../../../src/oci/repository-name.ts'
import { known } from '../../support/known.ts'
import type { Figure, Scenario } from '../scenario.ts'
import { median } from '../statistics.ts'

const FEW = 100
const MANY = 10_000
const LIMIT_MICROSECONDS = 5
const DECISIONS = 100_000
const REPOSITORIES = 1000

interface Shape {
  readonly name: string
  readonly grant: (index: number) => Grant
  readonly repository: (index: number) => string
}

/** Half of the decisions are about repositories that no grant names. */
const SHAPES: readonly Shape[] = [
  {
    name: 'team-N/**',
    grant: (index) => ({ repositories: [`team-${index}/**`], pull: ['@staff'], push: [`user-${index}`] }),
    repository: (index) => `team-${index}/web/front`,
  },
  {
    name: '*/app-N',
    grant: (index) => ({ repositories: [`*/app-${index}`], pull: ['alice'] }),
    repository: (index) => `team/app-${index}`,
  },
  {
    name: '**/app-N/*',
    grant: (index) => ({ repositories: [`**/app-${index}/*`], pull: ['alice'] }),
    repository: (index) => `a/b/c/app-${index}/web`,
  },
  {
    name: 'team-N-*/**',
    grant: (index) => ({ repositories: [`team-${index}-*/**`], pull: ['alice'] }),
    repository: (index) => `team-${index}-x/web`,
  },
  {
    name: 'shared/*-N',
    grant: (index) => ({ repositories: [`shared/*-${index}`], pull: ['alice'] }),
    repository: (index) => `shared/app-${index}`,
  },
  {
    name: '${user}/pN/**',
    grant: (index) => ({ repositories: [`\${user}/p${index}/**`], pull: ['$authenticated'] }),
    repository: (index) => `alice/p${index}/web`,
  },
  {
    name: '** to user N',
    grant: (index) => ({ repositories: ['**'], push: [`user-${index}`] }),
    repository: (index) => `team-${index}/web`,
  },
  {
    name: 'from 10.x.y.0/24',
    grant: (index) => ({
      repositories: [`team-${index}/*`],
      pull: ['alice'],
      from: [`10.${index >> 8}.${index & 255}.0/24`, '192.0.2.0/24'],
    }),
    repository: (index) => `team-${index}/web`,
  },
]

const CALLER: Caller = { identity: { name: 'alice', method: 'basic' }, address: '192.0.2.1' }

export const access: Scenario = {
  name: 'access',
  title: 'one decision about access, in process, by the shape of the grants',
  unit: 'CPU µs per decision',
  targets: () =>
    SHAPES.map(({ name }) => ({
      subject: subjectOf(name, MANY),
      limit: LIMIT_MICROSECONDS,
      text: `≤ ${LIMIT_MICROSECONDS} µs with ${MANY} grants like ${name}`,
    })),
  measure: (_t, bench) => {
    const figures = SHAPES.flatMap((shape) =>
      [FEW, MANY].map((count) => {
        bench.progress(subjectOf(shape.name, count))
        return measureShape(shape, count, bench.options.runs)
      }),
    )
    return Promise.resolve(figures)
  },
}

function subjectOf(name: string, count: number): string {
  return `${name} × ${count}`
}

function measureShape({ name, grant, repository }: Shape, count: number, times: number): Figure {
  const began = performance.now()
  const policy = createPolicy({
    groups: { staff: ['alice'] },
    grants: Array.from({ length: count }, (_, index) => grant(index)),
  })
  const compiledMs = performance.now() - began
  const names = Array.from({ length: REPOSITORIES }, (_, index) =>
    known(parseRepositoryName(repository(Math.floor((index * 2 * count) / REPOSITORIES)))),
  )
  decideAll(policy, names)
  const runs = Array.from({ length: times }, () => decideAll(policy, names))
  return {
    subject: subjectOf(name, count),
    value: median(runs),
    runs,
    details: { 'ms to compile': compiledMs.toFixed(1) },
  }
}

/** CPU microseconds for one decision. */
function decideAll(policy: Policy, names: readonly RepositoryName[]): number {
  const before = process.cpuUsage()
  for (let done = 0; done < DECISIONS; done += names.length)
    for (const name of names) policy.clauseFor(CALLER, 'pull', name)
  const { user, system } = process.cpuUsage(before)
  return (user + system) / DECISIONS
}

// An answer about access in sentences.
import type { ExplainedClause } from '../access/explain.ts'
import type { WrittenAnswer, WrittenQuestion } from '../access/written-question.ts'
import type { Config } from '../config/config.ts'
import { nearby } from './nearby.ts'

/** The decision and what decides in the first line; what is missing, and what would do, in the following ones. */
export function explainAnswer(answer: WrittenAnswer, { from }: WrittenQuestion, config: Config): string[] {
  const { user, action, repository, granted, fromElsewhere, toOthers, instead } = answer
  const what = repository === undefined ? action : `${action} ${repository}`
  const tell = (clause: ExplainedClause) => explainClause(clause, action, config)
  if (granted) return [`${user} may ${what}: ${tell(granted)}`]
  return [
    `${user} may not ${what}: ${missing(answer, from)}`,
    ...fromElsewhere.map((clause) => `  from there it would do: ${tell(clause)}`),
    ...toOthers.map((clause) => `  others have it: ${tell(clause)}`),
    ...(instead.length > 0 ? [`  ${user} may ${instead.join(' and ')} there`] : []),
  ]
}

function missing({ action, fromElsewhere, toOthers }: WrittenAnswer, from: string | undefined): string {
  if (fromElsewhere.length > 0)
    return from === undefined ? 'it depends on the address: say --from' : `not from ${from}`
  if (toOthers.length > 0) return 'no grant names this caller'
  return action === 'catalog' || action === 'admin' ? `nothing grants ${action}` : 'no grant speaks of it'
}

/** `access[2] (config/dockgate.yml:31) grants push on team-a/** to @ci, and push implies pull`. */
function explainClause(clause: ExplainedClause, action: string, { file }: Config): string {
  const { grant, line, word, pattern, principal, from } = clause
  const place = file === undefined || line === undefined ? '' : ` (${nearby(file)}:${line})`
  const where = pattern === undefined ? '' : ` on ${pattern}`
  const condition = from === undefined ? '' : ` from ${from.join(', ')}`
  const implied = word === action ? '' : `, and ${word} implies ${action}`
  return `access[${grant}]${place} grants ${word}${where} to ${principal}${condition}${implied}`
}

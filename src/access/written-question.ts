// Questions about access as people write them, on a command line or in a URL, and the answers they get.
import { isIP } from 'node:net'
import type { RepositoryName } from '../oci/repository-name.ts'
import type { Caller } from './caller.ts'
import type { Explanation, Question } from './explain.ts'
import { isFromElsewhere } from './grants.ts'
import { ANONYMOUS } from './identity.ts'
import type { Policy } from './policy.ts'

export interface WrittenQuestion {
  /** `$anonymous`, or the name of an account; whether there is one is not asked: grants speak of names. */
  readonly user: string
  readonly action: string
  readonly repository: string | undefined
  /** The IP address that the caller comes from; undefined: not known. */
  readonly from: string | undefined
  /** Groups that the account comes with, as `ldap:ops`. */
  readonly groups: readonly string[] | undefined
}

export interface WrittenAnswer extends Explanation {
  readonly user: string
  readonly action: string
  /** The canonical name; absent for catalog and admin. */
  readonly repository?: RepositoryName
}

/** The question means nothing; the message says what is wrong with it. */
export class QuestionError extends Error {
  override readonly name = 'QuestionError'
  readonly code = 'QUESTION_INVALID'
}

/** Throws {@link QuestionError}, and what `canonicalName` throws for a name that means nothing here. */
export function answerQuestion(
  policy: Policy,
  written: WrittenQuestion,
  canonicalName: (name: string) => RepositoryName,
): WrittenAnswer {
  const question = questionOf(written, canonicalName)
  const { action, repository } = question
  const asked = { user: written.user, action, ...(repository === undefined ? {} : { repository }) }
  return { ...asked, ...policy.explain(callerOf(written), question) }
}

function callerOf({ user, from, groups = [] }: WrittenQuestion): Caller {
  if (from !== undefined && isIP(from) === 0)
    throw new QuestionError(`${JSON.stringify(from)} is not an IP address`)
  if (user === '$anonymous') return { identity: ANONYMOUS, address: from }
  if (user === '' || /^[$@]/.test(user))
    throw new QuestionError(
      `${JSON.stringify(user)} is not the name of an account; everybody is '$anonymous'`,
    )
  const group = groups.find((each) => !isFromElsewhere(each))
  if (group !== undefined)
    throw new QuestionError(
      `accounts come with groups such as ldap:ops; ${JSON.stringify(group)} is for auth.groups`,
    )
  return { identity: { name: user, method: 'basic', groups }, address: from }
}

function questionOf(
  { action, repository }: WrittenQuestion,
  canonicalName: (name: string) => RepositoryName,
): Question {
  switch (action) {
    case 'catalog':
    case 'admin':
      if (repository === undefined) return { action }
      throw new QuestionError(`${action} is not about a repository: leave it out`)
    case 'pull':
    case 'push':
    case 'delete':
      if (repository !== undefined) return { action, repository: canonicalName(repository) }
      throw new QuestionError(`${action} what? The repository is missing`)
    default:
      throw new QuestionError(
        `there is no action ${JSON.stringify(action)}: it is pull, push, delete, catalog or admin`,
      )
  }
}

// The ceiling of an access token: actions on the repositories that patterns name.
import type { RepositoryName } from '../oci/repository-name.ts'
import type { Action } from '../oci/scope.ts'
import type { Ceiling } from './ceiling.ts'
import { Glob, parsePattern, PatternError, USER } from './patterns.ts'

export interface PatternsCeilingOptions {
  /** See {@link checkCeilingPattern}; a bad one throws its {@link PatternError}. */
  readonly repositories: readonly string[]
  /** Push implies pull, as it does in grants. */
  readonly actions: readonly (Action | 'catalog')[]
}

export class PatternsCeiling implements Ceiling {
  readonly allowsCatalog: boolean
  readonly #actions: ReadonlySet<string>
  readonly #globs: readonly Glob[]

  constructor({ repositories, actions }: PatternsCeilingOptions) {
    for (const pattern of repositories) checkCeilingPattern(pattern)
    this.#globs = repositories.map((pattern) => new Glob(pattern))
    this.#actions = new Set(actions.includes('push') ? [...actions, 'pull'] : actions)
    this.allowsCatalog = actions.includes('catalog')
  }

  get size(): number {
    return this.#globs.length
  }

  allows(action: Action, repository: RepositoryName): boolean {
    return this.#actions.has(action) && this.lists(repository)
  }

  lists(repository: RepositoryName): boolean {
    return this.#globs.some((glob) => glob.matches(repository))
  }
}

/** A ceiling belongs to one caller: `${user}` would only hide whose repositories are meant. */
export function checkCeilingPattern(pattern: string): void {
  if (parsePattern(pattern).includes(USER))
    throw new PatternError(`the pattern ${JSON.stringify(pattern)} holds ${USER}: write the name itself`)
}

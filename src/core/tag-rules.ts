// Rules about tags: which may not change, which may not go, and which may go when nothing speaks for them.
import { Glob } from '../access/patterns.ts'
import type { Tag } from '../oci/reference.ts'
import type { RepositoryName } from '../oci/repository-name.ts'

export interface TagRule {
  /** Patterns of repository names: `team-a/**`. */
  readonly repositories: readonly string[]
  /** Patterns of tags; `*` stands for any text. */
  readonly tags: readonly string[]
  /** A push of other content is refused, and so is removing the tag. */
  readonly immutable?: boolean | undefined
  /** Removing the tag is refused; it may point elsewhere. */
  readonly protected?: boolean | undefined
  /** Makes the tags subject to retention, and says which of them stay. */
  readonly keep?: Keep | undefined
}

/** Each of these that holds for a tag keeps it. */
export interface Keep {
  /** So many of the rule's tags in each repository, the latest pushed first. */
  readonly newest?: number | undefined
  readonly pushedWithinMs?: number | undefined
  readonly pulledWithinMs?: number | undefined
}

/** The tags that one keep rule speaks of, in one repository. */
export interface KeepRule extends Keep {
  matches(tag: Tag): boolean
}

interface CompiledRule {
  readonly rule: TagRule
  readonly repositories: readonly Glob[]
  readonly tags: readonly Glob[]
}

/** Rules add up, and their order never matters: none takes away what another protects or keeps. */
export class TagRules {
  readonly #rules: readonly CompiledRule[]

  constructor(rules: readonly TagRule[]) {
    this.#rules = rules.map((rule) => ({
      rule,
      repositories: rule.repositories.map((pattern) => new Glob(pattern)),
      tags: rule.tags.map((pattern) => new Glob(pattern)),
    }))
  }

  /** Whether some rule speaks of when tags were pulled. */
  get wantsPullTimes(): boolean {
    return this.#rules.some(({ rule }) => rule.keep?.pulledWithinMs !== undefined)
  }

  /** Whether what the tag points to may not change. */
  isImmutable(repository: RepositoryName, tag: Tag): boolean {
    return this.#some(repository, tag, ({ immutable }) => immutable === true)
  }

  /** Whether the tag may not be removed: immutable ones may not. */
  isProtected(repository: RepositoryName, tag: Tag): boolean {
    return this.#some(repository, tag, isProtecting)
  }

  /** Whether some tag of the repository could be protected. */
  protectsSomeOf(repository: RepositoryName): boolean {
    return this.#of(repository).some(({ rule }) => isProtecting(rule))
  }

  /** What retention has to say of a repository; nothing, where nothing is to be removed. */
  keepRules(repository: RepositoryName): KeepRule[] {
    return this.#of(repository).flatMap(({ rule, tags }) =>
      rule.keep === undefined
        ? []
        : [{ ...rule.keep, matches: (tag: Tag) => tags.some((glob) => glob.matches(tag)) }],
    )
  }

  #of(repository: RepositoryName): CompiledRule[] {
    return this.#rules.filter(({ repositories }) => repositories.some((glob) => glob.matches(repository)))
  }

  #some(repository: RepositoryName, tag: Tag, holds: (rule: TagRule) => boolean): boolean {
    return this.#rules.some(
      ({ rule, repositories, tags }) =>
        holds(rule) &&
        tags.some((glob) => glob.matches(tag)) &&
        repositories.some((glob) => glob.matches(repository)),
    )
  }
}

function isProtecting({ immutable, protected: isProtected }: TagRule): boolean {
  return immutable === true || isProtected === true
}

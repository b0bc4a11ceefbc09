// Where the accounts of a login backend exist: on some hosts, for some repositories. Elsewhere there are no such accounts.
import type { Ceiling } from '../access/ceiling.ts'
import { Glob, parsePattern } from '../access/patterns.ts'
import { hostNameOf } from '../oci/host-name.ts'
import type { RepositoryName } from '../oci/repository-name.ts'
import type { Action } from '../oci/scope.ts'

/** What a credential is presented for. */
export interface Place {
  /** The `Host` header. */
  readonly host?: string | undefined
  /** Undefined where no single repository is concerned. */
  readonly repository?: RepositoryName | undefined
}

export interface RealmOptions {
  /** What Basic challenges call it. */
  readonly name?: string | undefined
  /** Host names in lower case, without port; undefined: all. */
  readonly hosts?: readonly string[] | undefined
  /** Patterns over repository names; undefined: all. */
  readonly repositories?: readonly string[] | undefined
}

/**
 * Repositories are a ceiling besides: where a request concerns several or none (a mount, a listing, a token), an account
 * reaches those of its realm alone.
 */
export class Realm implements Ceiling {
  readonly name: string | undefined
  readonly allowsCatalog = true
  readonly #hosts: ReadonlySet<string> | undefined
  readonly #repositories: readonly Glob[] | undefined

  /** Throws {@link PatternError}. */
  constructor({ name, hosts, repositories }: RealmOptions) {
    this.name = name
    this.#hosts = hosts && new Set(hosts)
    this.#repositories = repositories?.map((pattern) => new Glob(parsePattern(pattern).join('/')))
  }

  /** Whether its accounts exist everywhere. */
  get isEverywhere(): boolean {
    return this.#hosts === undefined && this.#repositories === undefined
  }

  appliesTo({ host, repository }: Place): boolean {
    if (this.#hosts && (host === undefined || !this.#hosts.has(hostNameOf(host)))) return false
    return repository === undefined || this.lists(repository)
  }

  /** What its accounts are limited to; undefined: nothing. */
  get ceiling(): Ceiling | undefined {
    return this.#repositories && this
  }

  get size(): number {
    return this.#repositories?.length ?? 0
  }

  allows(_action: Action, repository: RepositoryName): boolean {
    return this.lists(repository)
  }

  lists(repository: RepositoryName): boolean {
    return this.#repositories?.some((glob) => glob.matches(repository)) ?? true
  }
}

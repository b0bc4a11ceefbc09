// Retention: removes the tags that keep rules speak of and none of them keeps.
import type { Digest } from '../../../oci/digest.ts'
import type { Reference, Tag } from '../../../oci/reference.ts'
import type { RepositoryName } from '../../../oci/repository-name.ts'
import type { ContentStore } from '../../content/content-store.ts'
import type { TagState } from '../../content/tags.ts'
import type { KeepRule, TagRules } from '../../tag-rules.ts'
import type { KnownPulls } from '../../content/shared-pull-times.ts'

export interface RetainedStore {
  readonly content: ContentStore
  /** Undefined when pulls are not recorded: a rule about pulls then keeps every tag. */
  readonly pulls: KnownPulls | undefined
  /** Makes caches forget a tag that is gone. */
  readonly forget: (repository: RepositoryName, reference: Reference) => Promise<void>
}

export interface RetentionOptions {
  /** Removes nothing, and tells what would be. */
  readonly dryRun: boolean
  /** In ms since the epoch. */
  readonly now?: number
  readonly signal?: AbortSignal
}

/** A tag that was removed or, in a dry run, would be. */
export interface RetentionStep {
  readonly repository: RepositoryName
  readonly tag: Tag
  readonly digest: Digest
  readonly pushedAt: string
}

export interface RetentionReport {
  readonly dryRun: boolean
  /** Repositories that some keep rule speaks of. */
  readonly repositories: number
  /** Tags that some keep rule speaks of. */
  readonly tags: number
  readonly removed: number
}

/**
 * Untags; the manifests stay until garbage collection finds nothing else that needs them. Protected tags are never
 * removed, nor is one that is pushed meanwhile. Ends early, with what was done, when the signal is aborted.
 */
export async function* applyRetention(
  store: RetainedStore,
  rules: TagRules,
  { dryRun, now = Date.now(), signal }: RetentionOptions,
): AsyncGenerator<RetentionStep, RetentionReport, void> {
  const counts = { repositories: 0, tags: 0, removed: 0 }
  await store.pulls?.flush()
  for await (const repository of store.content.repositories.all()) {
    if (signal?.aborted) break
    const keepRules = rules.keepRules(repository)
    if (keepRules.length === 0) continue
    const evaluation = new Evaluation(store, repository, keepRules, now)
    await evaluation.read()
    counts.repositories += 1
    counts.tags += evaluation.subject.length
    for (const state of await evaluation.expired()) {
      if (signal?.aborted) break
      if (rules.isProtected(repository, state.tag)) continue
      if (!dryRun && !(await remove(store, repository, state))) continue
      counts.removed += 1
      const { tag, digest, pushedAt } = state
      yield { repository, tag, digest, pushedAt: pushedAt.toISOString() }
    }
    if (!dryRun) await evaluation.prunePulls()
  }
  return { dryRun, ...counts }
}

async function remove(
  { content, forget }: RetainedStore,
  repository: RepositoryName,
  state: TagState,
): Promise<boolean> {
  const isGone = await content.tags.deleteUnchanged(repository, state)
  if (isGone) await forget(repository, state.tag)
  return isGone
}

/** The tags of one repository, and what its rules make of them. */
class Evaluation {
  /** The tags that some rule speaks of. */
  readonly subject: TagState[] = []
  readonly #store: RetainedStore
  readonly #repository: RepositoryName
  readonly #rules: readonly KeepRule[]
  readonly #now: number
  readonly #known = new Set<Reference>()

  constructor(store: RetainedStore, repository: RepositoryName, rules: readonly KeepRule[], now: number) {
    this.#store = store
    this.#repository = repository
    this.#rules = rules
    this.#now = now
  }

  async read(): Promise<void> {
    for await (const state of this.#store.content.tags.states(this.#repository)) {
      this.#known.add(state.tag).add(state.digest)
      if (this.#rules.some((rule) => rule.matches(state.tag))) this.subject.push(state)
    }
  }

  /** In byte order. */
  async expired(): Promise<TagState[]> {
    const kept = new Set<Tag>()
    for (const rule of this.#rules) {
      const matching = this.subject.filter(({ tag }) => rule.matches(tag))
      for (const { tag } of newest(matching, rule.newest ?? 0)) kept.add(tag)
      for (const state of matching)
        if (!kept.has(state.tag) && (await this.#isInUse(rule, state))) kept.add(state.tag)
    }
    return this.subject.filter(({ tag }) => !kept.has(tag))
  }

  async prunePulls(): Promise<void> {
    await this.#store.pulls?.prune(this.#repository, (reference) => this.#known.has(reference))
  }

  async #isInUse({ pushedWithinMs, pulledWithinMs }: KeepRule, state: TagState): Promise<boolean> {
    const age = this.#now - state.pushedAt.getTime()
    if (pushedWithinMs !== undefined && age <= pushedWithinMs) return true
    if (pulledWithinMs === undefined) return false
    // What was just pushed had no time to be pulled.
    return age <= pulledWithinMs || this.#wasPulled(state, this.#now - pulledWithinMs)
  }

  async #wasPulled({ tag, digest }: TagState, after: number): Promise<boolean> {
    const { pulls } = this.#store
    // Nobody knows what was pulled before records began.
    if (pulls === undefined || pulls.since > after) return true
    for (const reference of [tag, digest]) {
      const last = await pulls.last(this.#repository, reference)
      if (last !== undefined && last >= after) return true
    }
    return false
  }
}

function newest(states: readonly TagState[], count: number): TagState[] {
  if (count === 0) return []
  const byAge = (a: TagState, b: TagState) =>
    b.pushedAt.getTime() - a.pushedAt.getTime() || (a.tag < b.tag ? 1 : -1)
  return states.toSorted(byAge).slice(0, count)
}

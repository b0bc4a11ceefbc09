// Which meaning of a tag may be served: the upstream's own, or an older one while that is held.
import type { Digest } from '../../oci/digest.ts'
import type { Tag } from '../../oci/reference.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import { judge, type HoldOptions, type HoldVerdict } from './tag-hold.ts'
import { upstreamDigest, type TagState, type TagStates } from './tag-states.ts'

export class HeldTags {
  readonly #states: TagStates
  readonly #hold: HoldOptions | undefined

  /** Without `hold` everything is served at once. */
  constructor(states: TagStates, hold: HoldOptions | undefined) {
    this.#states = states
    this.#hold = hold
  }

  /** Decides over a tag of which the upstream said at `asked` that it means `digest`. */
  async judge(
    repository: RepositoryName,
    tag: Tag,
    digest: Digest,
    asked: number,
    known: TagState | undefined,
  ): Promise<HoldVerdict> {
    const hold = this.#hold
    if (!hold) return { served: digest, held: undefined }
    const runs = await this.#states.observe(repository, tag, digest, asked)
    if (runs) return judge(runs, asked, (each) => hold.isExempt(repository, tag, each), hold)
    // Without a store nothing is remembered but what is in memory.
    if (!known || known.digest === digest) return { served: digest, held: undefined }
    return { served: known.digest, held: { digest, until: asked + hold.holdMs } }
  }

  /** What is known of a tag; decided anew where others decided, who had other rules. */
  async load(repository: RepositoryName, tag: Tag): Promise<TagState | undefined> {
    const state = await this.#states.load(repository, tag)
    const rules = this.#hold?.key
    if (!state || rules === undefined || state.rules === rules || state.checkedAt === 0) return state
    const { checkedAt } = state
    const { served, held } = await this.judge(repository, tag, upstreamDigest(state), checkedAt, state)
    if (served === undefined) return undefined
    const meaning = { digest: served, checkedAt, held, rules }
    await this.#states.confirm(repository, tag, meaning)
    return meaning
  }
}

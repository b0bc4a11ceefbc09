// Tags of a mirror: what each means now, asked of the upstream as seldom as possible.
import type { Digest } from '../../oci/digest.ts'
import type { Tag } from '../../oci/reference.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import { UpstreamNotFoundError, type UpstreamError } from '../../upstream/errors.ts'
import type { ManifestAnswer } from '../registry.ts'
import { MIRROR_FAILURES } from './as-cache.ts'
import type { MirrorDigests } from './mirror-digests.ts'
import {
  answerStale,
  answerTag,
  BEING_ASKED,
  refuseHeld,
  SCARCE,
  UNREACHABLE,
  type KnownTag,
} from './tag-answers.ts'
import { TagFreshness, type TagFreshnessOptions } from './tag-freshness.ts'
import { judge, type HoldVerdict } from './tag-hold.ts'
import { headDigest, isFailure, type TagQuestionOptions } from './tag-question.ts'
import { upstreamDigest, type TagMeaning, type TagState, type TagStates } from './tag-states.ts'
import { WorkBehind } from './work-behind.ts'

export interface MirrorTagsOptions extends TagFreshnessOptions, TagQuestionOptions {
  readonly digests: MirrorDigests
  readonly states: TagStates
  /** How long an upstream that failed is not asked about the same tag again. */
  readonly retryMs: number
}

const MAX_RETRY_MS = 60 * 60 * 1000
/** How long a tag that moved waits at least while nothing but the reserve of the quota is left. */
const RESERVE_RETRY_MS = 60 * 1000

/** Rejects with `UpstreamError`s, and with `DENIED` for what is held. */
export class MirrorTags {
  readonly #options: MirrorTagsOptions
  readonly #freshness: TagFreshness
  readonly #behind = new WorkBehind()

  constructor(options: MirrorTagsOptions) {
    this.#options = options
    this.#freshness = new TagFreshness(options)
  }

  /** What memory can answer, at once. */
  peek(repository: RepositoryName, tag: Tag): ManifestAnswer | undefined {
    const { digests, states } = this.#options
    const state = states.peek(repository, tag)
    if (!state || !this.#freshness.isFresh(tag, state)) return undefined
    const manifest = digests.peek(repository, state.digest)
    return manifest && answerTag(manifest, 'hit', state, this.#options.now())
  }

  /** What can be answered without waiting for the upstream. */
  async find(repository: RepositoryName, tag: Tag): Promise<ManifestAnswer | undefined> {
    const known = await this.#known(repository, tag)
    return known && this.#answerKnown(repository, tag, known)
  }

  async get(repository: RepositoryName, tag: Tag): Promise<ManifestAnswer> {
    const { now, states } = this.#options
    const asked = now()
    const known = await this.#known(repository, tag)
    const answer = known && this.#answerKnown(repository, tag, known)
    if (answer) return answer
    try {
      return await (known ? this.#askOrStale(repository, tag, known) : this.#ask(repository, tag))
    } catch (error) {
      // What was taken back must not come up again when the upstream can not be asked.
      if (error instanceof UpstreamNotFoundError && states.peek(repository, tag))
        await states.forget(repository, tag, asked)
      throw error
    }
  }

  /** Waits for the questions that nobody else waits for. */
  close(): Promise<void> {
    return this.#behind.close()
  }

  async #known(repository: RepositoryName, tag: Tag): Promise<KnownTag | undefined> {
    const state = await this.#load(repository, tag)
    const manifest = state && (await this.#options.digests.find(repository, state.digest))
    return state && manifest && { state, manifest }
  }

  /** Decided anew where others decided, who had other rules. */
  async #load(repository: RepositoryName, tag: Tag): Promise<TagState | undefined> {
    const { hold, states } = this.#options
    const state = await states.load(repository, tag)
    if (!state || !hold || state.rules === hold.key || state.checkedAt === 0) return state
    const { checkedAt } = state
    const { served, held } = await this.#judge(repository, tag, upstreamDigest(state), checkedAt, state)
    if (served === undefined) return undefined
    const meaning = { digest: served, checkedAt, held, rules: hold.key }
    await states.confirm(repository, tag, meaning)
    return meaning
  }

  /** Undefined where the upstream has to be asked first. */
  #answerKnown(repository: RepositoryName, tag: Tag, known: KnownTag): ManifestAnswer | undefined {
    const { now } = this.#options
    const { state, manifest } = known
    if (this.#freshness.isFresh(tag, state)) return answerTag(manifest, 'hit', state, now())
    const isLeftAlone = state.retryAt !== undefined && now() < state.retryAt
    if (isLeftAlone && this.#freshness.mayServeOnError(tag, state))
      return answerStale(known, UNREACHABLE, now())
    if (!this.#freshness.mayServeFirst(tag, state)) return undefined
    this.#behind.start(
      `${repository}:${tag}`,
      () => this.#ask(repository, tag, known),
      (error) => this.#failBehind(repository, tag, known, error),
    )
    return answerStale(known, BEING_ASKED, now())
  }

  async #askOrStale(repository: RepositoryName, tag: Tag, known: KnownTag): Promise<ManifestAnswer> {
    const { now, states } = this.#options
    const { state } = known
    try {
      return await this.#ask(repository, tag, known)
    } catch (error) {
      if (!isFailure(error) || !this.#freshness.mayServeOnError(tag, state)) throw error
      states.defer(repository, tag, state, this.#retryAt(error))
      return answerStale(known, UNREACHABLE, now())
    }
  }

  async #failBehind(
    repository: RepositoryName,
    tag: Tag,
    { state }: KnownTag,
    error: unknown,
  ): Promise<void> {
    const { now, states } = this.#options
    if (error instanceof UpstreamNotFoundError) await states.forget(repository, tag, now())
    else if (isFailure(error)) states.defer(repository, tag, state, this.#retryAt(error))
    else {
      states.refuse(repository, tag)
      MIRROR_FAILURES.publish({ error })
    }
  }

  /** Asks the upstream: by HEAD, which costs no quota, where its answer may be enough. */
  async #ask(repository: RepositoryName, tag: Tag, known?: KnownTag): Promise<ManifestAnswer> {
    const { hold, now } = this.#options
    const asked = now()
    const digest = known || hold ? await headDigest(this.#options, repository, tag) : undefined
    const verdict = digest && (await this.#judge(repository, tag, digest, asked, known?.state))
    if (known && (await this.#isTooScarce(repository, verdict?.served)))
      return this.#keepReserve(repository, tag, known)
    if (!verdict) return this.#pull(repository, tag, asked, known)
    try {
      return await this.#serve(repository, tag, asked, verdict, known)
    } catch (error) {
      // It moved again between the two requests, and what it meant is gone.
      if (error instanceof UpstreamNotFoundError) return this.#pull(repository, tag, asked, known)
      throw error
    }
  }

  /** Whether it would cost one of the last pulls to serve a tag that could be served as it was. */
  async #isTooScarce(repository: RepositoryName, digest: Digest | undefined): Promise<boolean> {
    const { digests, quota } = this.#options
    if (quota?.isReserveOnly() !== true) return false
    return digest === undefined || (await digests.find(repository, digest)) === undefined
  }

  async #pull(
    repository: RepositoryName,
    tag: Tag,
    asked: number,
    known: KnownTag | undefined,
  ): Promise<ManifestAnswer> {
    const { digest } = await this.#options.digests.fetchTag(repository, tag)
    const verdict = await this.#judge(repository, tag, digest, asked, known?.state)
    const answer = await this.#serve(repository, tag, asked, verdict, known)
    return { ...answer, cache: 'miss' }
  }

  /** Answers what the verdict lets through, and remembers it. */
  async #serve(
    repository: RepositoryName,
    tag: Tag,
    asked: number,
    { served, held }: HoldVerdict,
    known: KnownTag | undefined,
  ): Promise<ManifestAnswer> {
    const { digests, hold, now, states } = this.#options
    if (served === undefined) throw refuseHeld(held)
    const stands = known?.manifest.digest === served
    const { manifest, cache } = stands
      ? { manifest: known.manifest, cache: 'hit' }
      : await digests.get(repository, served).catch((cause: unknown) => {
          // Nobody gets what is held in place of what is gone.
          throw held && cause instanceof UpstreamNotFoundError ? refuseHeld(held, cause) : cause
        })
    const meaning: TagMeaning = { digest: served, checkedAt: asked, held, rules: hold?.key }
    await states.confirm(repository, tag, meaning)
    return answerTag(manifest, cache === 'hit' ? 'revalidated' : 'miss', meaning, now())
  }

  async #judge(
    repository: RepositoryName,
    tag: Tag,
    digest: Digest,
    asked: number,
    known: TagState | undefined,
  ): Promise<HoldVerdict> {
    const { hold, states } = this.#options
    if (!hold) return { served: digest, held: undefined }
    const runs = await states.observe(repository, tag, digest, asked)
    if (runs) return judge(runs, asked, (each) => hold.isExempt(repository, tag, each), hold)
    // Without a store nothing is remembered but what is in memory.
    if (!known || known.digest === digest) return { served: digest, held: undefined }
    return { served: known.digest, held: { digest, until: asked + hold.holdMs } }
  }

  #keepReserve(repository: RepositoryName, tag: Tag, known: KnownTag): ManifestAnswer {
    const { now, states } = this.#options
    states.defer(repository, tag, known.state, now() + RESERVE_RETRY_MS)
    return answerStale(known, SCARCE, now())
  }

  #retryAt(error: UpstreamError): number {
    const { retryMs, now } = this.#options
    const asked = error.retryAfterSeconds === undefined ? 0 : error.retryAfterSeconds * 1000
    return now() + Math.min(Math.max(retryMs, asked), MAX_RETRY_MS)
  }
}

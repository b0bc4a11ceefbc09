// Tags of a mirror: what each means now, asked of the upstream as seldom as possible.
import type { Digest } from '../../oci/digest.ts'
import type { Tag } from '../../oci/reference.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import type { UpstreamClient } from '../../upstream/client.ts'
import {
  isRefusal,
  UpstreamNotFoundError,
  UpstreamRejectedError,
  UpstreamUnavailableError,
  UpstreamError,
} from '../../upstream/errors.ts'
import type { ManifestAnswer } from '../registry.ts'
import { MIRROR_FAILURES } from './as-cache.ts'
import { HeldTags } from './held-tags.ts'
import type { MirrorDigests } from './mirror-digests.ts'
import { Questions } from './questions.ts'
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
import type { HoldVerdict } from './tag-hold.ts'
import type { TagMeaning, TagState, TagStates } from './tag-states.ts'

export interface MirrorTagsOptions extends TagFreshnessOptions {
  readonly client: UpstreamClient
  readonly nameOf: (repository: RepositoryName) => RepositoryName
  /** How long a tag that is cached may wait for the upstream's word on it. */
  readonly revalidateTimeoutMs: number
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
  readonly #held: HeldTags
  readonly #questions = new Questions<ManifestAnswer>()
  /** The upstream was waited for in vain: until it answers, nobody else waits who can be answered without it. */
  #isHanging = false

  constructor(options: MirrorTagsOptions) {
    this.#options = options
    this.#freshness = new TagFreshness(options)
    this.#held = new HeldTags(options.states, options.hold)
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

  /** Waits for questions that are under way; to be called when the client is closed, which ends them. */
  close(): Promise<void> {
    return this.#questions.close()
  }

  async #known(repository: RepositoryName, tag: Tag): Promise<KnownTag | undefined> {
    const state = await this.#held.load(repository, tag)
    const manifest = state && (await this.#options.digests.find(repository, state.digest))
    return state && manifest && { state, manifest }
  }

  /** Undefined where the upstream has to be asked first. */
  #answerKnown(repository: RepositoryName, tag: Tag, known: KnownTag): ManifestAnswer | undefined {
    const { now } = this.#options
    const { state, manifest } = known
    if (this.#freshness.isFresh(tag, state)) return answerTag(manifest, 'hit', state, now())
    if (state.isRefused) return undefined
    const isLeftAlone = state.retryAt !== undefined && now() < state.retryAt
    if (isLeftAlone && this.#freshness.mayServeOnError(tag, state))
      return answerStale(known, UNREACHABLE, now())
    const isUseless = this.#isHanging && this.#freshness.mayServeOnError(tag, state)
    if (!isUseless && !this.#freshness.mayServeFirst(tag, state)) return undefined
    this.#askBehind(repository, tag, known)
    return answerStale(known, isUseless ? UNREACHABLE : BEING_ASKED, now())
  }

  async #askOrStale(repository: RepositoryName, tag: Tag, known: KnownTag): Promise<ManifestAnswer> {
    const { now, revalidateTimeoutMs } = this.#options
    const { state } = known
    const ask = () => this.#ask(repository, tag, known)
    if (!this.#freshness.mayServeOnError(tag, state)) return ask()
    try {
      return await this.#questions.ask(`${repository}:${tag}`, revalidateTimeoutMs, ask)
    } catch (error) {
      if (!isFailure(error)) throw error
      this.#defer(repository, tag, state, error)
      return answerStale(known, UNREACHABLE, now())
    }
  }

  #askBehind(repository: RepositoryName, tag: Tag, known: KnownTag): void {
    if (this.#questions.isBusy) return
    this.#questions
      .begin(`${repository}:${tag}`, () => this.#ask(repository, tag, known))
      .catch((error: unknown) => this.#failBehind(repository, tag, known, error))
      .catch((error: unknown) => MIRROR_FAILURES.publish({ error }))
  }

  async #failBehind(
    repository: RepositoryName,
    tag: Tag,
    { state }: KnownTag,
    error: unknown,
  ): Promise<void> {
    const { now, states } = this.#options
    if (error instanceof UpstreamNotFoundError) await states.forget(repository, tag, now())
    else if (isFailure(error)) this.#defer(repository, tag, state, error)
    else {
      states.refuse(repository, tag)
      MIRROR_FAILURES.publish({ error })
    }
  }

  /** Asks the upstream: by HEAD, which costs no quota, where its answer may be enough. */
  async #ask(repository: RepositoryName, tag: Tag, known?: KnownTag): Promise<ManifestAnswer> {
    const { hold, now } = this.#options
    const asked = now()
    const digest = known || hold ? await this.#headDigest(repository, tag) : undefined
    const verdict = digest && (await this.#held.judge(repository, tag, digest, asked, known?.state))
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
    this.#isHanging = false
    const verdict = await this.#held.judge(repository, tag, digest, asked, known?.state)
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

  /** Undefined from an upstream that tells no digest without the bytes. */
  async #headDigest(repository: RepositoryName, tag: Tag): Promise<Digest | undefined> {
    const { client, nameOf } = this.#options
    try {
      const { digest } = await client.headManifest(nameOf(repository), tag)
      this.#isHanging = false
      return digest
    } catch (error) {
      // Some answer 405 to every HEAD.
      if (error instanceof UpstreamRejectedError) return undefined
      throw error
    }
  }

  #keepReserve(repository: RepositoryName, tag: Tag, known: KnownTag): ManifestAnswer {
    const { now, states } = this.#options
    states.defer(repository, tag, known.state, now() + RESERVE_RETRY_MS)
    return answerStale(known, SCARCE, now())
  }

  #defer(repository: RepositoryName, tag: Tag, state: TagState, error: UpstreamError): void {
    const { now, retryMs, states } = this.#options
    if (error instanceof UpstreamUnavailableError && error.timedOut) this.#isHanging = true
    const asked = error.retryAfterSeconds === undefined ? 0 : error.retryAfterSeconds * 1000
    const waitMs = Math.min(Math.max(retryMs, asked), MAX_RETRY_MS)
    states.defer(repository, tag, state, now() + waitMs)
  }
}

/** An upstream that answers no is believed; one that can not answer is not. */
function isFailure(error: unknown): error is UpstreamError {
  return error instanceof UpstreamError && !isRefusal(error)
}

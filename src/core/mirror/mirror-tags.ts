// Tags of a mirror: what each means now, asked of the upstream as seldom as possible.
import type { Digest } from '../../oci/digest.ts'
import type { Tag } from '../../oci/reference.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import type { UpstreamClient } from '../../upstream/client.ts'
import {
  isRefusal,
  UpstreamError,
  UpstreamNotFoundError,
  UpstreamUnavailableError,
} from '../../upstream/errors.ts'
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
import type { TagMeaning, TagState, TagStates } from './tag-states.ts'

export interface MirrorTagsOptions extends TagFreshnessOptions {
  readonly client: UpstreamClient
  readonly digests: MirrorDigests
  readonly states: TagStates
  readonly nameOf: (repository: RepositoryName) => RepositoryName
  /** How long a tag that is cached may wait for the upstream's word on it. */
  readonly revalidateTimeoutMs: number
  /** How long an upstream that failed is not asked about the same tag again. */
  readonly retryMs: number
}

const MAX_RETRY_MS = 60 * 60 * 1000
/** How long a tag that moved waits at least while nothing but the reserve of the quota is left. */
const RESERVE_RETRY_MS = 60 * 1000
/** Tags that are asked for at once while nobody waits. */
const MAX_BEHIND = 64

/** Rejects with `UpstreamError`s, and with `DENIED` for what is held. */
export class MirrorTags {
  readonly #options: MirrorTagsOptions
  readonly #freshness: TagFreshness
  readonly #behind = new Map<string, Promise<void>>()

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

  async get(repository: RepositoryName, tag: Tag): Promise<ManifestAnswer> {
    const { digests, now, states } = this.#options
    const asked = now()
    const state = await this.#load(repository, tag)
    const manifest = state && (await digests.find(repository, state.digest))
    try {
      if (!state || !manifest) return await this.#ask(repository, tag)
      return await this.#getKnown(repository, tag, { state, manifest })
    } catch (error) {
      // What was taken back must not come up again when the upstream can not be asked.
      if (state && error instanceof UpstreamNotFoundError) await states.forget(repository, tag, asked)
      throw error
    }
  }

  /** Waits for the questions that nobody else waits for. */
  async close(): Promise<void> {
    await Promise.all(this.#behind.values())
  }

  /** What is known; decided anew where others decided, who had other rules. */
  async #load(repository: RepositoryName, tag: Tag): Promise<TagState | undefined> {
    const { hold, states } = this.#options
    const state = await states.load(repository, tag)
    if (!state || !hold || state.rules === hold.key || state.checkedAt === 0) return state
    const upstream = state.held?.digest ?? state.digest
    const { served, held } = await this.#judge(repository, tag, upstream, state.checkedAt, state)
    if (served === undefined) return undefined
    const meaning = { digest: served, checkedAt: state.checkedAt, held, rules: hold.key }
    await states.confirm(repository, tag, meaning)
    return meaning
  }

  async #getKnown(repository: RepositoryName, tag: Tag, known: KnownTag): Promise<ManifestAnswer> {
    const { now, states } = this.#options
    const { state, manifest } = known
    if (this.#freshness.isFresh(tag, state)) return answerTag(manifest, 'hit', state, now())
    const isLeftAlone = state.retryAt !== undefined && now() < state.retryAt
    if (isLeftAlone && this.#freshness.mayServeOnError(tag, state))
      return answerStale(known, UNREACHABLE, now())
    if (this.#freshness.mayServeFirst(tag, state)) {
      this.#askBehind(repository, tag, known)
      return answerStale(known, BEING_ASKED, now())
    }
    try {
      return await this.#ask(repository, tag, known)
    } catch (error) {
      if (!isFailure(error) || !this.#freshness.mayServeOnError(tag, state)) throw error
      states.defer(repository, tag, state, this.#retryAt(error))
      return answerStale(known, UNREACHABLE, now())
    }
  }

  #askBehind(repository: RepositoryName, tag: Tag, known: KnownTag): void {
    const key = `${repository}:${tag}`
    if (this.#behind.has(key) || this.#behind.size >= MAX_BEHIND) return
    const work = this.#ask(repository, tag, known)
      .then(() => undefined)
      .catch((error: unknown) => this.#failBehind(repository, tag, known, error))
      .finally(() => this.#behind.delete(key))
    this.#behind.set(key, work)
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
    const digest = known || hold ? await this.#headDigest(repository, tag) : undefined
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

  async #headDigest(repository: RepositoryName, tag: Tag): Promise<Digest | undefined> {
    const { client, nameOf, revalidateTimeoutMs } = this.#options
    const signal = AbortSignal.timeout(revalidateTimeoutMs)
    try {
      const head = await client.headManifest(nameOf(repository), tag, { signal })
      return head.digest
    } catch (cause) {
      if (cause !== signal.reason) throw cause
      throw new UpstreamUnavailableError('the upstream did not answer in time', { cause, timedOut: true })
    }
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

/** An upstream that answers no is believed; one that can not answer is not. */
function isFailure(error: unknown): error is UpstreamError {
  return error instanceof UpstreamError && !isRefusal(error)
}

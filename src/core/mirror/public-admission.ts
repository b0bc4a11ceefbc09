// Admits everybody to what everybody may read upstream: the gateway's own login shows nobody what is private there.
import { LRUCache } from 'lru-cache'
import { z } from 'zod'
import { SingleFlight } from '../../cache/single-flight.ts'
import { digestOf, hexOf } from '../../oci/digest.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import { PathNotFoundError } from '../../storage/driver.ts'
import type { UpstreamClient } from '../../upstream/client.ts'
import type { ContentStore } from '../content/content-store.ts'
import { repositoryFolder, STATE_FOLDER } from '../content/layout.ts'
import type { RequestContext } from '../registry.ts'
import { isRefusal, isSilence, requireReadable, type Admission, type Subject } from './admission.ts'
import { asCache } from './as-cache.ts'

export interface PublicAdmissionOptions {
  /** Without a login. */
  readonly client: UpstreamClient
  readonly content: ContentStore
  readonly nameOf: (repository: RepositoryName) => RepositoryName
  /** The mirror itself has no login, and tells what it could {@link PublicAdmission.confirm}. */
  readonly isMirrorAnonymous: boolean
  /** Milliseconds since the epoch; the system's clock by default. */
  readonly now?: () => number
}

/** What is known of a repository, until when. */
interface Verdict {
  readonly until: number
  readonly refusal?: Error
}

/** How long the upstream is not asked again whether everybody may read a repository. */
const PUBLIC_MS = 60 * 60_000
const REFUSED_MS = 10_000
/** For an upstream that could not say: what was public stays so meanwhile. */
const RETRY_MS = 5_000
const ANSWER_MS = 5_000
const MAX_REPOSITORIES = 20_000
const MAX_MARKER_BYTES = 1024

export class PublicAdmission implements Admission {
  readonly #options: PublicAdmissionOptions
  readonly #now: () => number
  readonly #folder: string
  readonly #verdicts = new LRUCache<RepositoryName, Verdict>({ max: MAX_REPOSITORIES })
  readonly #flights = new SingleFlight<void>()

  constructor(options: PublicAdmissionOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
    this.#folder = `${STATE_FOLDER}/public/${hexOf(digestOf(options.client.address)).slice(0, 32)}`
  }

  isAdmitted(repository: RepositoryName): boolean {
    const known = this.#verdicts.get(this.#options.nameOf(repository))
    return known !== undefined && known.refusal === undefined && this.#now() < known.until
  }

  admit(repository: RepositoryName, subject: Subject): Promise<void> | undefined {
    const known = this.#verdicts.get(this.#options.nameOf(repository))
    if (known && this.#now() < known.until) return known.refusal && Promise.reject(known.refusal)
    const key = JSON.stringify([repository, subject])
    return this.#flights.run(key, () => this.#decide(repository, subject, known !== undefined))
  }

  /** What was public when the upstream was last asked. */
  async isListed(repository: RepositoryName): Promise<boolean> {
    const name = this.#options.nameOf(repository)
    const known = this.#verdicts.get(name)
    if (known) return known.refusal === undefined
    return (await asCache(() => this.#read(name))) !== undefined
  }

  run<Result>(_context: RequestContext, work: () => Result): Result {
    return work()
  }

  /** The upstream let somebody without a login read there just now. */
  async confirm(name: RepositoryName): Promise<void> {
    const known = this.#verdicts.get(name)
    // What was confirmed a moment ago is not written again with each blob.
    if (known && !known.refusal && known.until - this.#now() > PUBLIC_MS / 2) return
    this.#verdicts.set(name, { until: this.#now() + PUBLIC_MS })
    const bytes = Buffer.from(JSON.stringify({ name, checkedAt: this.#now() }))
    await asCache(() => this.#options.content.driver.writeAll(this.#pathOf(name), bytes))
  }

  async #decide(repository: RepositoryName, subject: Subject, isKnown: boolean): Promise<void> {
    const { client, nameOf, isMirrorAnonymous } = this.#options
    const name = nameOf(repository)
    const checkedAt = await asCache(() => this.#read(name))
    const age = checkedAt === undefined ? Infinity : this.#now() - checkedAt
    if (age >= 0 && age < PUBLIC_MS)
      return void this.#verdicts.set(name, { until: this.#now() + PUBLIC_MS - age })
    // Whatever of it is shown is then fetched, or vouched for, without a login.
    if (isMirrorAnonymous && !isKnown && checkedAt === undefined && !(await this.#holds(repository))) return
    try {
      await requireReadable(client, name, subject, ANSWER_MS)
      await this.confirm(name)
    } catch (error) {
      if (isRefusal(error)) {
        this.#verdicts.set(name, { until: this.#now() + REFUSED_MS, refusal: error })
        await asCache(() => this.#options.content.driver.delete(this.#pathOf(name)))
        throw error
      }
      if (checkedAt === undefined || !isSilence(error)) throw error
      this.#verdicts.set(name, { until: this.#now() + RETRY_MS })
    }
  }

  /** Whether anything is kept of it; a store that can not tell may. */
  async #holds(repository: RepositoryName): Promise<boolean> {
    const found = await asCache(async () => {
      for await (const entry of this.#options.content.driver.list(repositoryFolder(repository)))
        return { isHeld: entry.name !== '' }
      return { isHeld: false }
    })
    return found?.isHeld ?? true
  }

  /** When it was last public. Rejects as the store does. */
  async #read(name: RepositoryName): Promise<number | undefined> {
    try {
      const bytes = await this.#options.content.driver.readAll(this.#pathOf(name), {
        maxBytes: MAX_MARKER_BYTES,
      })
      return markerFile.safeParse(JSON.parse(bytes.toString())).data?.checkedAt
    } catch (error) {
      if (error instanceof PathNotFoundError || error instanceof RangeError || error instanceof SyntaxError)
        return undefined
      throw error
    }
  }

  #pathOf(name: RepositoryName): string {
    return `${this.#folder}/${hexOf(digestOf(name))}`
  }
}

const markerFile = z.object({ checkedAt: z.int().min(0) })

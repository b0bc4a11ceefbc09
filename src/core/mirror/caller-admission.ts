// Admits each caller to what its own login may read upstream; without one, to what everybody may.
import { createHmac, randomBytes } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { SingleFlight } from '../../cache/single-flight.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import type { ClientsByLogin } from '../../upstream/clients-by-login.ts'
import type { RequestContext, UpstreamLogin } from '../registry.ts'
import { isRefusal, isSilence, requireReadable, type Admission, type Subject } from './admission.ts'

export interface CallerAdmissionOptions {
  readonly clients: Pick<ClientsByLogin, 'of' | 'runAs'>
  readonly nameOf: (repository: RepositoryName) => RepositoryName
  /** For callers without a login, and where the upstream can not be asked about one. */
  readonly everybody: Admission
  /** Milliseconds since the epoch; the system's clock by default. */
  readonly now?: () => number
}

interface Verdict {
  readonly until: number
  readonly refusal?: Error
}

/** A right that was taken away upstream ends here within this. */
const READABLE_MS = 5 * 60_000
const REFUSED_MS = 30_000
const ANSWER_MS = 10_000
const MAX_VERDICTS = 50_000

export class CallerAdmission implements Admission {
  readonly #options: CallerAdmissionOptions
  readonly #now: () => number
  readonly #key = randomBytes(32)
  /** By login and repository, keyed: no password is kept. */
  readonly #verdicts = new LRUCache<string, Verdict>({ max: MAX_VERDICTS })
  readonly #flights = new SingleFlight<void>()

  constructor(options: CallerAdmissionOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
  }

  isAdmitted(repository: RepositoryName, context: RequestContext): boolean {
    const login = context.upstreamLogin
    if (login === undefined) return this.#options.everybody.isAdmitted(repository, context)
    const known = this.#verdicts.get(this.#keyOf(login, repository))
    return known !== undefined && known.refusal === undefined && this.#now() < known.until
  }

  admit(repository: RepositoryName, subject: Subject, context: RequestContext): Promise<void> | undefined {
    const login = context.upstreamLogin
    if (login === undefined) return this.#options.everybody.admit(repository, subject, context)
    const key = this.#keyOf(login, repository)
    const known = this.#verdicts.get(key)
    if (known && this.#now() < known.until) return known.refusal && Promise.reject(known.refusal)
    // The key names the login, too: nobody joins a question in another's name.
    return this.#flights.run(JSON.stringify([key, subject]), () =>
      this.#ask(key, repository, subject, context),
    )
  }

  /** Lists are asked of no repository in particular, and so without a login. */
  isListed(repository: RepositoryName): Promise<boolean> {
    return this.#options.everybody.isListed(repository)
  }

  run<Result>({ upstreamLogin }: RequestContext, work: () => Result): Result {
    return this.#options.clients.runAs(upstreamLogin, work)
  }

  async #ask(
    key: string,
    repository: RepositoryName,
    subject: Subject,
    context: RequestContext,
  ): Promise<void> {
    const { clients, nameOf, everybody } = this.#options
    try {
      await requireReadable(clients.of(context.upstreamLogin), nameOf(repository), subject, ANSWER_MS)
      this.#verdicts.set(key, { until: this.#now() + READABLE_MS })
    } catch (error) {
      if (isRefusal(error)) this.#verdicts.set(key, { until: this.#now() + REFUSED_MS, refusal: error })
      if (!isSilence(error)) throw error
      // What everybody may have, whoever has a login may have, too.
      await everybody.admit(repository, subject, context)
    }
  }

  #keyOf({ username, password }: UpstreamLogin, repository: RepositoryName): string {
    const login = JSON.stringify([username, password, repository])
    return createHmac('sha256', this.#key).update(login).digest('base64')
  }
}

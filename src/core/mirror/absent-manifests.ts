// What the upstream said it does not have, remembered for moments: clients that ask again and again cost it nothing.
import { LRUCache } from 'lru-cache'
import type { Reference } from '../../oci/reference.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import { UpstreamNotFoundError } from '../../upstream/errors.ts'

const MAX_ABSENT = 10_000

interface Absence {
  readonly error: UpstreamNotFoundError
  readonly until: number
}

export class AbsentManifests {
  readonly #ttlMs: number
  readonly #now: () => number
  readonly #known = new LRUCache<string, Absence>({ max: MAX_ABSENT })

  constructor({ ttlMs, now }: { ttlMs: number; now: () => number }) {
    this.#ttlMs = ttlMs
    this.#now = now
  }

  /** Runs `ask` unless the upstream said moments ago that there is nothing. */
  async unlessAbsent<Answer>(
    repository: RepositoryName,
    reference: Reference,
    ask: () => Promise<Answer>,
  ): Promise<Answer> {
    const key = `${repository} ${reference}`
    const absence = this.#known.get(key)
    if (absence && this.#now() < absence.until) throw absence.error
    try {
      return await ask()
    } catch (error) {
      if (error instanceof UpstreamNotFoundError && this.#ttlMs > 0)
        this.#known.set(key, { error, until: this.#now() + this.#ttlMs })
      throw error
    }
  }
}

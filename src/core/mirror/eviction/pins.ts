// Images that are never evicted, as the configuration names them: `docker.io/library/alpine:3.*`.
import { Glob } from '../../../access/patterns.ts'
import type { Tag } from '../../../oci/reference.ts'
import type { RepositoryName } from '../../../oci/repository-name.ts'

interface Pin {
  readonly repositories: Glob
  readonly tags: Glob
}

export class Pins {
  readonly #pins: readonly Pin[]

  /** Each names repositories, and behind a colon tags; without those all tags are meant. */
  constructor(patterns: readonly string[]) {
    this.#pins = patterns.map((pattern) => {
      const [repositories = '', tags = '*'] = pattern.split(':')
      return { repositories: new Glob(repositories), tags: new Glob(tags) }
    })
  }

  has(repository: RepositoryName, tag: Tag): boolean {
    return this.#pins.some(({ repositories, tags }) => repositories.matches(repository) && tags.matches(tag))
  }
}

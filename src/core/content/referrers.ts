// Which manifests name which as their subject. Derived from the manifests; kept in files that registry:2 ignores.
import type { Locks } from '../../cache/locks.ts'
import type { Digest } from '../../oci/digest.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import type { StorageDriver } from '../../storage/driver.ts'
import { referrersFolder, referrersRoot } from './layout.ts'
import { linkFolderOf, listLinkedDigests, readLink, writeLink } from './links.ts'

export class ReferrerStore {
  readonly #driver: StorageDriver
  readonly #locks: Locks

  constructor(driver: StorageDriver, locks: Locks) {
    this.#driver = driver
    this.#locks = locks
  }

  /** Runs `work` while no other work of this gateway has to do with the referrers of `subject`. */
  alone<Result>(repository: RepositoryName, subject: Digest, work: () => Promise<Result>): Promise<Result> {
    return this.#locks.alone(`referrers ${repository} ${subject}`, work)
  }

  /** Enters `referrer`; the subject need not exist. */
  add(repository: RepositoryName, subject: Digest, referrer: Digest): Promise<void> {
    return writeLink(this.#driver, linkFolderOf(referrersFolder(repository, subject), referrer), referrer)
  }

  async has(repository: RepositoryName, subject: Digest, referrer: Digest): Promise<boolean> {
    const folder = linkFolderOf(referrersFolder(repository, subject), referrer)
    return (await readLink(this.#driver, folder)) === referrer
  }

  delete(repository: RepositoryName, subject: Digest, referrer: Digest): Promise<void> {
    return this.#driver.delete(linkFolderOf(referrersFolder(repository, subject), referrer))
  }

  /** In byte order. A referrer may be gone meanwhile: registry:2 deletes manifests without knowing of this list. */
  list(repository: RepositoryName, subject: Digest): AsyncIterable<Digest> {
    return listLinkedDigests(this.#driver, referrersFolder(repository, subject))
  }

  /** Every digest that something refers to, or did. */
  subjects(repository: RepositoryName): AsyncIterable<Digest> {
    return listLinkedDigests(this.#driver, referrersRoot(repository))
  }
}

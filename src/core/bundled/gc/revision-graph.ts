// Which manifests of a repository keep which others: an index its manifests, a subject its referrers.
import type { Digest } from '../../../oci/digest.ts'
import type { NamedDigests } from '../../content/named-digests.ts'

const NONE: readonly Digest[] = []

export class RevisionGraph {
  readonly #manifests = new Map<Digest, readonly Digest[]>()
  readonly #referrers = new Map<Digest, Digest[]>()

  add(digest: Digest, named: NamedDigests | undefined): void {
    this.#manifests.set(digest, named && named.manifests.length > 0 ? named.manifests : NONE)
    if (named?.subject === undefined) return
    const referrers = this.#referrers.get(named.subject)
    if (referrers) referrers.push(digest)
    else this.#referrers.set(named.subject, [digest])
  }

  digests(): Iterable<Digest> {
    return this.#manifests.keys()
  }

  /** Enters `digest` and everything that it keeps into `kept`. */
  keep(digest: Digest, kept: Set<Digest>): void {
    const pending = [digest]
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      if (kept.has(next) || !this.#manifests.has(next)) continue
      kept.add(next)
      for (const each of this.#keptBy(next)) pending.push(each)
    }
  }

  /** What is not in `kept`, each before what it keeps. */
  rest(kept: ReadonlySet<Digest>): Digest[] {
    const entered = new Set<Digest>()
    const done = new Set<Digest>()
    for (const start of this.#manifests.keys()) {
      // A digest comes up twice: to enter what it keeps, and when all of that is done.
      const pending = [start]
      for (let next = pending.at(-1); next !== undefined; next = pending.at(-1)) {
        if (done.has(next) || kept.has(next) || !this.#manifests.has(next)) pending.pop()
        else if (entered.has(next)) done.add(next)
        else {
          entered.add(next)
          for (const each of this.#keptBy(next)) if (!entered.has(each)) pending.push(each)
        }
      }
    }
    return [...done].toReversed()
  }

  *#keptBy(digest: Digest): Generator<Digest> {
    yield* this.#manifests.get(digest) ?? NONE
    yield* this.#referrers.get(digest) ?? NONE
  }
}

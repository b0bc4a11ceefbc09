// What a registry may answer after it was killed: what it acknowledged, or what a request that was cut off wanted.
import assert from 'node:assert/strict'

/** What stands under a name: a digest, or nothing. */
export const ABSENT = 'absent'
export const PRESENT = 'present'

/** Names that answer something else are a lost acknowledgement, or something half-written. */
export class Ledger {
  readonly #possible = new Map<string, ReadonlySet<string>>()
  #changed = new Set<string>()

  /** A request goes out: from now on both may stand. */
  attempt(key: string, wanted: string): void {
    this.#possible.set(key, new Set([...this.possible(key), wanted]))
    this.#changed.add(key)
  }

  /** The request was answered. */
  settle(key: string, value: string): void {
    this.#possible.set(key, new Set([value]))
    this.#changed.add(key)
  }

  /** Holds what is answered against what may be; from now on nothing else may. */
  observe(key: string, found: string, where: string): void {
    const possible = [...this.possible(key)]
    assert.ok(
      possible.includes(found),
      `${where} answers ${found} for ${key}, which may be ${possible.join(' or ')}`,
    )
    this.#possible.set(key, new Set([found]))
  }

  possible(key: string): ReadonlySet<string> {
    return this.#possible.get(key) ?? new Set([ABSENT])
  }

  /** Whether it stands for certain. */
  is(key: string, value: string): boolean {
    const possible = this.possible(key)
    return possible.size === 1 && possible.has(value)
  }

  get keys(): readonly string[] {
    return [...this.#possible.keys()]
  }

  /** The names that were touched since this was asked last. */
  takeChanged(): readonly string[] {
    const changed = [...this.#changed]
    this.#changed = new Set()
    return changed
  }
}

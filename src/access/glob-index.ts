// Values by globs of one path component, found without trying every glob.
import { Glob } from './patterns.ts'

interface Entry<Value> {
  readonly value: Value
  /** Undefined where beginning and end say everything: one star between them. */
  readonly glob: Glob | undefined
}

/** Globs with the same beginning, by their ends. */
interface Bucket<Value> {
  readonly bySuffix: Map<string, Entry<Value>[]>
  readonly suffixLengths: Set<number>
}

/**
 * Globs are kept by what stands before their first wildcard and behind their last one, so that only those are tried whose
 * beginning and end a text has. Its cost grows with the lengths that beginnings and ends have, not with the globs.
 */
export class GlobIndex<Value> {
  readonly #byGlob = new Map<string, Value>()
  readonly #byPrefix = new Map<string, Bucket<Value>>()
  readonly #prefixLengths = new Set<number>()

  /** The value of a glob, made when it is new. */
  valueOf(glob: string, create: () => Value): Value {
    const known = this.#byGlob.get(glob)
    if (known !== undefined) return known
    const value = create()
    this.#byGlob.set(glob, value)
    this.#add(glob, value)
    return value
  }

  /** Adds the values whose globs match to `found`. Answers how many globs had to be tried. */
  collect(text: string, found: Value[]): number {
    let tried = 0
    for (const prefixLength of this.#prefixLengths) {
      if (prefixLength > text.length) continue
      const bucket = this.#byPrefix.get(text.slice(0, prefixLength))
      if (!bucket) continue
      for (const suffixLength of bucket.suffixLengths) {
        if (prefixLength + suffixLength > text.length) continue
        const entries = bucket.bySuffix.get(text.slice(text.length - suffixLength)) ?? []
        tried += entries.length
        for (const { value, glob } of entries) if (!glob || glob.matches(text)) found.push(value)
      }
    }
    return tried
  }

  #add(glob: string, value: Value): void {
    const prefix = /^[^*?]*/.exec(glob)?.[0] ?? ''
    const suffix = /[^*?]*$/.exec(glob)?.[0] ?? ''
    const isPlain = glob === `${prefix}*${suffix}`
    const bucket = this.#byPrefix.get(prefix) ?? { bySuffix: new Map(), suffixLengths: new Set() }
    const entries = bucket.bySuffix.get(suffix) ?? []
    entries.push({ value, glob: isPlain ? undefined : new Glob(glob) })
    bucket.bySuffix.set(suffix, entries)
    bucket.suffixLengths.add(suffix.length)
    this.#byPrefix.set(prefix, bucket)
    this.#prefixLengths.add(prefix.length)
  }
}

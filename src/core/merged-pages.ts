// Two listings as one, page by page: no more of either is held than one page.
import type { Digest } from '../oci/digest.ts'
import type { Page, PageRequest, ReferrersAnswer, ReferrersRequest } from './registry.ts'

/** Two pages for one request. What both hold stands there once. */
export function mergedPage<Item extends string>(
  left: Page<Item>,
  right: Page<Item>,
  { limit }: PageRequest,
  compare: (a: Item, b: Item) => number,
): Page<Item> {
  const all = [...new Set([...left.items, ...right.items])].toSorted(compare)
  // Behind the end of a page that goes on nothing is known yet.
  const ends = [left, right].flatMap(({ items, more }) => (more ? items.slice(-1) : []))
  const known = all.filter((item) => ends.every((end) => compare(item, end) <= 0))
  const items = known.slice(0, limit)
  return { items, more: limit > 0 && (left.more || right.more || items.length < known.length) }
}

/** The same for referrers, by digest. */
export function mergedReferrers(
  left: ReferrersAnswer,
  right: ReferrersAnswer,
  { limit = Infinity }: ReferrersRequest,
): ReferrersAnswer {
  const byDigest = new Map([...right.descriptors, ...left.descriptors].map((each) => [each.digest, each]))
  const ends = [left.next, right.next].filter((end) => end !== undefined)
  const known = [...byDigest.values()]
    .filter(({ digest }) => ends.every((end) => digest <= end))
    .toSorted((a, b) => (a.digest < b.digest ? -1 : 1))
  const descriptors = known.slice(0, limit)
  const isCut = descriptors.length < known.length
  const next = isCut ? descriptors.at(-1)?.digest : smallest(ends)
  return { descriptors, filtered: left.filtered && right.filtered, ...(next === undefined ? {} : { next }) }
}

function smallest(digests: readonly Digest[]): Digest | undefined {
  return digests.toSorted()[0]
}

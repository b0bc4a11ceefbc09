import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { mergedPage, mergedReferrers } from '../../src/core/merged-pages.ts'
import type { Page, PageRequest, ReferrersAnswer } from '../../src/core/registry.ts'
import { digestOf, type Digest } from '../../src/oci/digest.ts'
import { OCI_MANIFEST } from '../../src/oci/media-type.ts'

const order = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)

function pageOf(names: readonly string[], { limit, last }: PageRequest): Page<string> {
  const rest = [...new Set(names)].toSorted(order).filter((name) => last === undefined || name > last)
  return { items: rest.slice(0, limit), more: rest.length > limit }
}

function referrersOf(digests: readonly Digest[], limit: number, last: Digest | undefined): ReferrersAnswer {
  const rest = digests.toSorted().filter((digest) => last === undefined || digest > last)
  const descriptors = rest.slice(0, limit).map((digest) => ({ mediaType: OCI_MANIFEST, digest, size: 1 }))
  const next = rest.length > limit ? descriptors.at(-1)?.digest : undefined
  return { descriptors, filtered: false, ...(next === undefined ? {} : { next }) }
}

test('pages of two lists, one after the other, are the one list of both', () => {
  const names = fc.array(fc.string({ maxLength: 3, unit: fc.constantFrom('a', 'b', 'c') }), { maxLength: 30 })
  fc.assert(
    fc.property(names, names, fc.integer({ min: 1, max: 7 }), (left, right, limit) => {
      const read: string[] = []
      for (let last: string | undefined; ;) {
        const request = { limit, ...(last === undefined ? {} : { last }) }
        const page = mergedPage(pageOf(left, request), pageOf(right, request), request, order)
        assert.ok(page.items.length <= limit)
        read.push(...page.items)
        last = page.items.at(-1)
        if (!page.more || last === undefined) break
      }
      assert.deepEqual(read, [...new Set([...left, ...right])].toSorted(order))
    }),
  )
})

test('pages of referrers of two lists, one after the other, are the one list of both', () => {
  const digests = fc.uniqueArray(fc.integer({ min: 0, max: 40 }).map((n) => digestOf(String(n))))
  fc.assert(
    fc.property(digests, digests, fc.integer({ min: 1, max: 7 }), (left, right, limit) => {
      const read: Digest[] = []
      for (let last: Digest | undefined; ;) {
        const answer = mergedReferrers(referrersOf(left, limit, last), referrersOf(right, limit, last), {
          limit,
        })
        read.push(...answer.descriptors.map(({ digest }) => digest))
        last = answer.next
        if (last === undefined) break
      }
      assert.deepEqual(read, [...new Set([...left, ...right])].toSorted())
    }),
  )
})

test('a page of nothing goes on nowhere', () => {
  const empty = { items: [], more: false }
  assert.deepEqual(mergedPage(empty, empty, { limit: 0 }, order), { items: [], more: false })
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ANONYMOUS } from '../../src/access/identity.ts'
import type { Page, PageRequest, Registry } from '../../src/core/registry.ts'
import { RoutedRegistry } from '../../src/core/routed.ts'
import { ACCEPT_ANYTHING } from '../../src/oci/accept.ts'
import {
  compareRepositoryNames,
  parseRepositoryName,
  type RepositoryName,
} from '../../src/oci/repository-name.ts'
import { known } from '../support/known.ts'

const context = { identity: ANONYMOUS, accept: ACCEPT_ANYTHING, signal: new AbortController().signal }
const name = (text: string): RepositoryName => known(parseRepositoryName(text))

/** A registry that can do nothing but list its names. */
function listing(...names: string[]): Registry {
  const sorted = names.map(name).toSorted(compareRepositoryNames)
  const unused = () => Promise.reject(new Error('not part of this test'))
  return {
    getManifest: unused,
    putManifest: unused,
    deleteManifest: unused,
    statBlob: unused,
    openBlob: unused,
    deleteBlob: unused,
    listTags: unused,
    listReferrers: unused,
    uploads: undefined,
    close: async () => {},
    listRepositories: async ({ limit, last }: PageRequest): Promise<Page<RepositoryName>> => {
      const behind = sorted.filter((each) => last === undefined || compareRepositoryNames(each, last) > 0)
      return { items: behind.slice(0, limit), more: behind.length > limit }
    },
  }
}

test('the longest literal prefix serves a repository, in whatever order routes are written', () => {
  const [all, hub, team] = [listing(), listing(), listing()]
  const routed = new RoutedRegistry([
    { pattern: '**', registry: all },
    { pattern: 'docker.io/**', registry: hub },
    { pattern: 'docker.io/team/**', registry: team },
  ])
  assert.equal(routed.resolve(name('app'))?.registry, all)
  assert.equal(routed.resolve(name('docker.io/library/alpine'))?.registry, hub)
  assert.equal(routed.resolve(name('docker.io/team/app'))?.registry, team)
})

test('a repository that no route speaks of is nobody’s', () => {
  const routed = new RoutedRegistry([{ pattern: 'team/**', registry: listing() }])
  assert.equal(routed.resolve(name('other/app')), undefined)
})

test('the catalog is one listing over all registries, page by page, without what the caller may not see', async () => {
  const routed = new RoutedRegistry([
    { pattern: '**', registry: listing('a', 'a/b', 'a-b', 'secret/x', 'zoo') },
    { pattern: 'mirror/**', registry: listing('mirror/one', 'mirror/two') },
  ])
  const isVisible = (repository: RepositoryName) => !repository.startsWith('secret/')
  const seen: string[] = []
  for (let last: string | undefined, more = true; more;) {
    const page = await routed.listRepositories(
      { limit: 2, ...(last === undefined ? {} : { last }) },
      context,
      isVisible,
    )
    seen.push(...page.items)
    last = page.items.at(-1)
    more = page.more
  }
  assert.deepEqual(seen, ['a', 'a/b', 'a-b', 'mirror/one', 'mirror/two', 'zoo'])
})

test('names that a route hides in another registry are not listed', async () => {
  const routed = new RoutedRegistry([
    { pattern: '**', registry: listing('app', 'mirror/old') },
    { pattern: 'mirror/**', registry: listing('mirror/one') },
  ])
  const page = await routed.listRepositories({ limit: 10 }, context, () => true)
  assert.deepEqual(page.items, ['app', 'mirror/one'])
})

const broken = (): Registry => ({ ...listing(), listRepositories: () => Promise.reject(new Error('down')) })

test('an external core that cannot answer does not take the others with it', async () => {
  const forwarder = { forward: () => Promise.reject(new Error('not part of this test')) }
  const routed = new RoutedRegistry([
    { pattern: '**', registry: listing('app') },
    { pattern: 'core/**', registry: broken(), forwarder },
  ])
  assert.deepEqual((await routed.listRepositories({ limit: 10 }, context, () => true)).items, ['app'])
})

test('a store of our own that cannot be read is a failure, not a shorter catalog', async () => {
  const routed = new RoutedRegistry([
    { pattern: '**', registry: listing('app') },
    { pattern: 'own/**', registry: broken() },
  ])
  await assert.rejects(
    routed.listRepositories({ limit: 10 }, context, () => true),
    /down/,
  )
})

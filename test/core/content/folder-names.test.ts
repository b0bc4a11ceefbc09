// Listings that are kept in memory answer what a plain walk over the folders answers, whoever writes to them.
import assert from 'node:assert/strict'
import { mkdir, rm, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import fc from 'fast-check'
import { ContentStore } from '../../../src/core/content/content-store.ts'
import { FolderNames } from '../../../src/core/content/folder-names.ts'
import {
  manifestsFolder,
  REPOSITORIES_FOLDER,
  tagCurrentFolder,
  tagsFolder,
} from '../../../src/core/content/layout.ts'
import { compareRepositoryNames, parseRepositoryName } from '../../../src/oci/repository-name.ts'
import type { Page, PageRequest } from '../../../src/core/registry.ts'
import { StorageUnavailableError } from '../../../src/storage/driver.ts'
import { FilesystemDriver } from '../../../src/storage/filesystem.ts'
import { temporaryFolder } from '../../support/scope.ts'
import { emptyContent, repository, tag } from './content.ts'

const TEAM = repository('team/app')
/** More than a folder needs to be kept. */
const MANY = 100

class CountingDriver extends FilesystemDriver {
  listed = 0
  /** How many folders were read together, each time. */
  groups: number[] = []

  override list(...args: Parameters<FilesystemDriver['list']>): ReturnType<FilesystemDriver['list']> {
    this.listed += 1
    return super.list(...args)
  }

  override subfolders(...args: Parameters<FilesystemDriver['subfolders']>) {
    this.groups.push(args[0].length)
    return super.subfolders(...args)
  }
}

/** Its first listing has read the folder, and then waits. */
class HeldDriver extends CountingDriver {
  readonly hasRead = Promise.withResolvers<void>()
  readonly mayGoOn = Promise.withResolvers<void>()

  override async *list(folder: string): ReturnType<FilesystemDriver['list']> {
    const isFirst = this.listed === 0
    const entries = []
    for await (const entry of super.list(folder)) entries.push(entry)
    if (isFirst) this.hasRead.resolve()
    if (isFirst) await this.mayGoOn.promise
    yield* entries
  }
}

async function makeTags(root: string, names: readonly string[]): Promise<void> {
  for (const name of names) await makeTag(root, name)
  await age(join(root, tagsFolder(TEAM)))
}

async function makeTag(root: string, name: string): Promise<void> {
  const folder = join(root, tagCurrentFolder(TEAM, tag(name)))
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'link'), '')
}

/** Sets a folder's time back: a change of just now is not told from one that comes within the same tick. */
async function age(folder: string): Promise<void> {
  const before = new Date(Date.now() - 60_000)
  await utimes(folder, before, before)
}

/** n000, n001 and so on. */
function numbered(count: number): string[] {
  return Array.from({ length: count }, (_, at) => `n${String(at).padStart(3, '0')}`)
}

async function catalogOf(t: TestContext, names: readonly string[]) {
  const root = await temporaryFolder(t)
  for (const name of names)
    await mkdir(join(root, manifestsFolder(repository(name)), 'tags'), { recursive: true })
  await age(join(root, REPOSITORIES_FOLDER))
  const driver = new CountingDriver({ root, fsync: false })
  return { driver, repositories: new ContentStore(driver).repositories }
}

/** All pages of a listing, `limit` items each. */
async function allPages<Item extends string>(
  list: (page: PageRequest) => Promise<Page<Item>>,
  limit: number,
): Promise<Item[]> {
  const found: Item[] = []
  for (let last: Item | undefined; ;) {
    const page = await list({ limit, ...(last === undefined ? {} : { last }) })
    assert.ok(page.items.length <= limit)
    found.push(...page.items)
    last = page.items.at(-1)
    if (!page.more || last === undefined) return found
  }
}

test('the pages of a large folder cost one listing', async (t) => {
  const root = await temporaryFolder(t)
  const names = Array.from({ length: MANY }, (_, at) => `v${at}`)
  await makeTags(root, names)
  const driver = new CountingDriver({ root, fsync: false })
  const { tags } = new ContentStore(driver)
  // The first listing finds out that it is large, the second is kept.
  for (let time = 0; time < 2; time += 1) await tags.list(TEAM, { limit: 1 })
  driver.listed = 0
  const found = await allPages((page) => tags.list(TEAM, page), 7)
  assert.deepEqual(found, names.toSorted())
  assert.equal(driver.listed, 0)
})

test('a tag that points to nothing is none, and takes no place of a page', async (t) => {
  const { root, content } = await emptyContent(t)
  const names = Array.from({ length: 600 }, (_, number) => `v${String(number).padStart(3, '0')}`)
  await makeTags(root, names)
  // What a kill in the middle of a push or a delete leaves.
  const gone = names.filter((_, number) => number % 3 === 0 || (number > 200 && number < 500))
  for (const name of gone) await rm(join(root, tagCurrentFolder(TEAM, tag(name)), 'link'))
  const left = names.filter((name) => !gone.includes(name))
  for (const limit of [1, 100, 1000])
    assert.deepEqual(await allPages((page) => content.tags.list(TEAM, page), limit), left)
  const { items, more } = await content.tags.list(TEAM, { limit: 100, last: left[99] ?? '' })
  assert.deepEqual({ items, more }, { items: left.slice(100, 200), more: true })
  const rest = await content.tags.list(TEAM, { limit: left.length })
  assert.deepEqual({ items: rest.items, more: rest.more }, { items: left, more: false })
  assert.deepEqual(await content.tags.list(TEAM, { limit: 0 }), { items: [], more: false })
})

test('a tag that another process adds or removes is seen at once', async (t) => {
  const root = await temporaryFolder(t)
  await makeTags(
    root,
    Array.from({ length: MANY }, (_, at) => `v${at}`),
  )
  const { tags } = new ContentStore(new FilesystemDriver({ root, fsync: false }))
  for (let time = 0; time < 3; time += 1) await tags.list(TEAM, { limit: 1 })
  await makeTag(root, 'a-new-one')
  assert.deepEqual((await tags.list(TEAM, { limit: 1 })).items, ['a-new-one'])
  await rm(join(root, tagsFolder(TEAM), 'a-new-one'), { recursive: true })
  assert.deepEqual((await tags.list(TEAM, { limit: 1 })).items, ['v0'])
})

test('a listing that is asked for after a write never joins one that began before it', async (t) => {
  const root = await temporaryFolder(t)
  await makeTags(root, ['v0', 'v1'])
  const driver = new HeldDriver({ root, fsync: false })
  const { tags } = new ContentStore(driver)
  const early = tags.list(TEAM, { limit: 10 })
  await driver.hasRead.promise
  await makeTag(root, 'v2')
  const late = [tags.list(TEAM, { limit: 10 }), tags.list(TEAM, { limit: 10 })]
  driver.mayGoOn.resolve()
  assert.deepEqual((await early).items, ['v0', 'v1'])
  for (const page of await Promise.all(late)) assert.deepEqual(page.items, ['v0', 'v1', 'v2'])
  assert.equal(driver.listed, 2)
})

test('on any tree, in pages of any size, the catalog is what a plain walk finds', async (t) => {
  const component = fc.constantFrom('a', 'b', 'a-b', 'a.b', 'a0', 'z', '0')
  const names = fc.uniqueArray(
    fc.array(component, { minLength: 1, maxLength: 3 }).map((all) => all.join('/')),
  )
  await fc.assert(
    fc.asyncProperty(names, fc.integer({ min: 1, max: 4 }), async (all, limit) => {
      const { root, content } = await emptyContent(t)
      for (const name of all)
        await mkdir(join(root, manifestsFolder(repository(name)), 'tags'), { recursive: true })
      const expected = all.toSorted(compareRepositoryNames)
      assert.deepEqual(await allPages((page) => content.repositories.list(page), limit), expected)
      const [last = 'm'] = all
      const behind = expected.filter((name) => compareRepositoryNames(name, last) > 0)
      assert.deepEqual((await content.repositories.list({ limit: 100, last })).items, behind)
    }),
    { numRuns: 40 },
  )
})

test('a page of the catalog reads the folders of its repositories together', async (t) => {
  // One of them, in the second group, holds more than a folder needs to be kept.
  const nested = numbered(MANY).map((name) => `n099/${name}`)
  const names = numbered(200).flatMap((name) => (name === 'n099' ? [name, ...nested] : [name]))
  const { driver, repositories } = await catalogOf(t, names)
  for (const limit of [1, 70, 150, 1000])
    assert.deepEqual(await allPages((page) => repositories.list(page), limit), names)
  const before = driver.listed
  driver.groups = []
  assert.equal((await repositories.list({ limit: 90, last: 'n100' })).items.at(-1), 'n190')
  // One more than the page shows; of the folder of all of them no more is asked than whether it changed.
  assert.deepEqual(driver.groups, [64, 27])
  assert.ok(driver.listed - before <= 1)
})

test('a page lists none of the large folders that lie beyond it', async (t) => {
  const teams = numbered(70)
  const names = teams.flatMap((team) => numbered(MANY).map((name) => `${team}/${name}`))
  const { driver, repositories } = await catalogOf(t, names)
  assert.deepEqual((await repositories.list({ limit: 150 })).items, names.slice(0, 150))
  // That of all teams, and those of two.
  assert.equal(driver.listed, 3)
  assert.deepEqual(await allPages((page) => repositories.list(page), 150), names)
})

test('folders that cannot be read together are read one by one', async (t) => {
  const { driver, repositories } = await catalogOf(t, numbered(100))
  const { listed } = driver
  t.mock.method(driver, 'subfolders', () => Promise.reject(new StorageUnavailableError('EIO')))
  assert.deepEqual((await repositories.list({ limit: 100 })).items, numbered(100))
  assert.ok(driver.listed - listed > 100)
})

test('a folder with more names than are kept stays one that is listed by itself', async (t) => {
  const driver = new CountingDriver({ root: await temporaryFolder(t), fsync: false })
  t.mock.method(driver, 'version', async () => 'the same')
  t.mock.method(driver, 'list', async function* () {
    for (let at = 0; at <= 500_000; at += 1) yield { name: `n${at}`, isFolder: true }
  })
  const names = new FolderNames(driver)
  for (let time = 0; time < 2; time += 1) assert.equal((await names.list('huge')).length, 500_001)
  assert.deepEqual(await names.listEach(['huge']), [undefined])
  assert.deepEqual(driver.groups, [])
})

test('callers of one page share what is read for it', async (t) => {
  const { driver, repositories } = await catalogOf(t, numbered(200))
  const page = () => repositories.list({ limit: 200 })
  await page()
  const alone = driver.groups.length
  driver.groups = []
  const pages = await Promise.all(Array.from({ length: 40 }, page))
  for (const { items } of pages) assert.deepEqual(items, numbered(200))
  assert.ok(
    driver.groups.length < 10 * alone,
    `${driver.groups.length} reads for 40 callers, ${alone} for one`,
  )
})

test('a page may begin behind anything, and never leads into a repository', async (t) => {
  const { root, content } = await emptyContent(t)
  await mkdir(join(root, manifestsFolder(TEAM), 'tags/a/_manifests'), { recursive: true })
  for (const last of ['team/app/_manifests/tags', 'team/app/_manifests', '../..', '', '/', 'team/\u{1f600}'])
    for (const name of (await content.repositories.list({ limit: 10, last })).items)
      assert.equal(parseRepositoryName(name), 'team/app')
  assert.deepEqual((await content.repositories.list({ limit: 10, last: 'team/app/_manifests' })).items, [])
})

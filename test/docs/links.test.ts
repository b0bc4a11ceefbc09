// What the pages point to is there: files, headings, and the tests that decision notes name.
import assert from 'node:assert/strict'
import { access, readFile } from 'node:fs/promises'
import { dirname, join, normalize } from 'node:path'
import { test } from 'node:test'
import { ROOT } from '../support/gateway.ts'
import { listPages } from './pages.ts'

const read = (path: string): Promise<string> => readFile(join(ROOT, path), 'utf8')

test('every link between pages leads to a file and a heading that exist', async () => {
  const broken = await Promise.all((await listPages()).map(brokenLinks))
  assert.deepEqual(broken.flat(), [])
})

async function brokenLinks(page: string): Promise<string[]> {
  const links = [...(await read(page)).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link)
  const local = links.filter((link) => !/^https?:/.test(link))
  const found = await Promise.all(local.map((link) => leadsSomewhere(page, link)))
  return local.filter((_, index) => found[index] !== true).map((link) => `${page}: ${link}`)
}

async function leadsSomewhere(page: string, link: string): Promise<boolean> {
  const [path = '', heading] = link.split('#')
  const target = path === '' ? page : normalize(join(dirname(page), path))
  if (heading === undefined)
    return access(join(ROOT, target)).then(
      () => true,
      () => false,
    )
  const headings = [...(await read(target)).matchAll(/^#+ (.+)$/gm)].map(([, title = '']) => anchorOf(title))
  return headings.includes(heading)
}

/** As GitHub makes it. */
function anchorOf(title: string): string {
  return title
    .toLowerCase()
    .replaceAll(/[^\w\s-]/g, '')
    .replaceAll(/\s/g, '-')
}

test('the files and tests that decision notes name exist', async () => {
  const notes = (await listPages()).filter((page) => page.startsWith('docs/decisions/'))
  assert.ok(notes.length > 10)
  const missing = await Promise.all(notes.map(missingIn))
  assert.deepEqual(missing.flat(), [])
})

/** A paragraph that names a test file may quote tests of it. */
async function missingIn(note: string): Promise<string[]> {
  const missing: string[] = []
  for (const paragraph of (await read(note)).split('\n\n')) {
    const files = [...paragraph.matchAll(/`((?:src|test)\/[\w./-]+\.ts)`/g)].map(([, file = '']) => file)
    const sources = await Promise.all(files.map((file) => read(file).catch(() => undefined)))
    missing.push(
      ...files.filter((_, index) => sources[index] === undefined).map((file) => `${note}: ${file}`),
    )
    const titles = sources.join('\n').replaceAll('\\', '')
    if (!files.some((file) => file.endsWith('.test.ts'))) continue
    const quoted = [...paragraph.replaceAll(/\s+/g, ' ').matchAll(/"([^"]+)"/g)].map(
      ([, title = '']) => title,
    )
    missing.push(...quoted.filter((title) => !titles.includes(title)).map((title) => `${note}: ${title}`))
  }
  return missing
}

// A small file that is made at the first start: of several processes that start at once, all take the first one's.
import { randomUUID } from 'node:crypto'
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'

/** The text of the file; made by `make`, with the permissions `mode`, when there is none. */
export async function readOrMake(
  path: string,
  mode: number,
  make: () => string | Promise<string>,
): Promise<string> {
  const text = await readIfThere(path)
  if (text !== undefined) return text
  // Written whole under another name and then linked: nobody reads half of it, and nobody overwrites another's.
  const draft = `${path}.${randomUUID()}`
  await mkdir(dirname(path), { recursive: true })
  try {
    await writeFile(draft, await make(), { mode, flag: 'wx', flush: true })
    await link(draft, path)
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error
  } finally {
    await rm(draft, { force: true })
  }
  return readFile(path, 'utf8')
}

/** Undefined when there is no such file. */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}

// Files that several processes may want to make at the same moment, and that must never be seen half-written.
import { randomUUID } from 'node:crypto'
import { link, mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { codeOf } from './system-error.ts'

/** Puts `content` at `file`, in place of what was there. Readers see the old content or the new. */
export async function replaceFile(file: string, content: string, mode: number): Promise<void> {
  await withTemporary(file, content, mode, (temporary) => rename(temporary, file))
}

/** Puts `content` at `file` unless there is something already; answers what is there now. */
export async function createFileOnce(file: string, content: string, mode: number): Promise<string> {
  return withTemporary(file, content, mode, async (temporary) => {
    try {
      // Unlike rename, link refuses to replace: of several processes exactly one wins.
      await link(temporary, file)
      return content
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error
      return readFile(file, 'utf8')
    }
  })
}

/** The text of `file`; made by `make`, with its folder, when there is none. */
export async function readOrMake(
  file: string,
  mode: number,
  make: () => string | Promise<string>,
): Promise<string> {
  const text = await readIfThere(file)
  if (text !== undefined) return text
  await mkdir(dirname(file), { recursive: true })
  return createFileOnce(file, await make(), mode)
}

/** Undefined when there is no such file. */
export async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

async function withTemporary<Result>(
  file: string,
  content: string,
  mode: number,
  place: (temporary: string) => Promise<Result>,
): Promise<Result> {
  const temporary = `${file}.${randomUUID()}.tmp`
  try {
    await using handle = await open(temporary, 'wx', mode)
    await handle.writeFile(content)
    await handle.sync()
    return await place(temporary)
  } finally {
    await rm(temporary, { force: true })
  }
}

// Files and folders that survive a power cut once a call has returned, and appear whole or not at all.
import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { copyFile, link, mkdir, open, rename, rm, writeFile, type FileHandle } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { codeOf } from './system-error.ts'

/** How often a folder that a concurrent delete takes away is made again. */
const ATTEMPTS = 4

/** Whether to wait for the disk. Without, a power cut may take back what was acknowledged; a killed process may not. */
export interface Durability {
  readonly fsync: boolean
}

/** Opens a file whose folders are made where they are missing. */
export async function openInFolder(path: string, flags: string, durability: Durability): Promise<FileHandle> {
  return withFolder(path, durability, () => open(path, flags))
}

/** Lets `fill` write a hidden file beside `path`, then puts it there in one step. */
export async function replaceFile(
  path: string,
  durability: Durability,
  fill: (temporary: string) => Promise<void>,
): Promise<void> {
  const temporary = temporaryBeside(path)
  try {
    await withFolder(path, durability, () => fill(temporary))
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
  await syncFolder(dirname(path), durability)
}

/** Puts a small file at `path` in one step, unless there is one: then it answers false. It need not last. */
export async function createFile(path: string, bytes: Uint8Array): Promise<boolean> {
  const temporary = temporaryBeside(path)
  try {
    await withFolder(path, { fsync: false }, () => writeFile(temporary, bytes, { flag: 'wx' }))
    await linkOrCopy(temporary, path)
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  } finally {
    await rm(temporary, { force: true })
  }
}

/** Moves a finished file to `path` in one step. */
export async function moveFile(from: string, path: string, durability: Durability): Promise<void> {
  await withFolder(path, durability, () => rename(from, path))
  await syncFolder(dirname(path), durability)
}

/** Makes what was entered into or removed from a folder last. */
export async function syncFolder(folder: string, { fsync }: Durability): Promise<void> {
  if (!fsync) return
  try {
    await using handle = await open(folder, 'r')
    await handle.sync()
  } catch (error) {
    // Some file systems cannot sync folders; one that is gone has nothing left to keep.
    if (!['EINVAL', 'ENOTSUP', 'ENOENT'].includes(codeOf(error) ?? '')) throw error
  }
}

/** registry:2 takes no name that begins with a dot for a tag, a repository, a link or a blob. */
function temporaryBeside(path: string): string {
  return join(dirname(path), `.${randomBytes(12).toString('hex')}.tmp`)
}

/** Unlike a rename, neither replaces what is there. */
async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to)
  } catch (error) {
    // Some file systems know no hard links; a reader may see a part of the copy then.
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes(codeOf(error) ?? '')) throw error
    await copyFile(from, to, constants.COPYFILE_EXCL)
  }
}

async function withFolder<Result>(
  path: string,
  durability: Durability,
  work: () => Promise<Result>,
): Promise<Result> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work()
    } catch (error) {
      if (codeOf(error) !== 'ENOENT' || attempt === ATTEMPTS) throw error
      await makeFolder(dirname(path), durability)
    }
  }
}

/** Not Node's recursive one: on a read-only disk that says that there is no such file. */
async function makeFolder(folder: string, durability: Durability): Promise<void> {
  try {
    await mkdir(folder)
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return
    if (codeOf(error) !== 'ENOENT' || dirname(folder) === folder) throw error
    await makeFolder(dirname(folder), durability)
    return makeFolder(folder, durability)
  }
  await syncFolder(dirname(folder), durability)
}

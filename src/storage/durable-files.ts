// Small changes of files and folders that appear whole or not at all, and survive a power cut once a call has returned.
// They wait for the disk, so they run in a thread of their own (disk-threads.ts).
import {
  closeSync,
  constants,
  copyFileSync,
  fdatasyncSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { codeOf } from './system-error.ts'
import { temporaryBeside } from './temporary-name.ts'

/** How often a folder that a concurrent delete takes away is made again. */
const ATTEMPTS = 20
/** Why a file cannot be given a second name there. */
const NO_LINKS = ['EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']

/** Whether to wait for the disk. Without, a power cut may take back what was acknowledged; a killed process may not. */
export interface Durability {
  readonly fsync: boolean
}

/** Puts a file with these bytes at `path`, in one step. */
export function replaceFile(path: string, bytes: Uint8Array, durability: Durability): void {
  const temporary = temporaryBeside(path)
  try {
    // Both together: a folder that goes away in between takes the file along.
    withFolder(path, () => {
      writeFile(temporary, bytes, durability)
      renameSync(temporary, path)
    })
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  }
  syncFolder(dirname(path), durability)
}

/** One after the other: each is there for good before the next one is. */
export function replaceFiles(
  files: readonly { path: string; bytes: Uint8Array }[],
  durability: Durability,
): void {
  for (const { path, bytes } of files) replaceFile(path, bytes, durability)
}

/** Puts a small file at `path` in one step, unless there is one: then it answers false. It need not last. */
export function createFile(path: string, bytes: Uint8Array): boolean {
  const temporary = temporaryBeside(path)
  try {
    withFolder(path, () => {
      writeFile(temporary, bytes, { fsync: false })
      linkOrCopy(temporary, path)
    })
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  } finally {
    rmSync(temporary, { force: true })
  }
}

/** Moves a finished file to `path` in one step. */
export function moveFile(from: string, path: string, durability: Durability): void {
  withFolder(path, () => renameSync(from, path))
  syncFolder(dirname(path), durability)
}

/** Gives a finished file, whose bytes are on the disk, the name `path`, too; false where the file system cannot. */
export function linkFile(from: string, path: string, durability: Durability): boolean {
  const temporary = temporaryBeside(path)
  try {
    withFolder(path, () => {
      linkSync(from, temporary)
      renameSync(temporary, path)
    })
  } catch (error) {
    if (NO_LINKS.includes(codeOf(error) ?? '')) return false
    throw error
  } finally {
    // A rename does nothing where both names are one file's already.
    rmSync(temporary, { force: true })
  }
  syncFolder(dirname(path), durability)
  return true
}

/** Makes what was entered into or removed from a folder last. */
export function syncFolder(folder: string, { fsync }: Durability): void {
  if (!fsync) return
  try {
    withFile(folder, 'r', fsyncSync)
  } catch (error) {
    // Some file systems cannot sync folders; one that is gone has nothing left to keep.
    if (!['EINVAL', 'ENOTSUP', 'ENOENT'].includes(codeOf(error) ?? '')) throw error
  }
}

/**
 * Makes a folder and those above it. They need no sync of their own: file systems with an ordered journal of their metadata
 * have them on the disk before what is entered into the last one (ext4, XFS, Btrfs, F2FS, ZFS), and NFS makes them at once.
 */
export function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true })
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error
    makeFolderByFolder(folder)
  }
}

function writeFile(path: string, bytes: Uint8Array, { fsync }: Durability): void {
  withFile(path, 'wx', (file) => {
    for (let done = 0; done < bytes.length;) done += writeSync(file, bytes, done)
    if (fsync) fdatasyncSync(file)
  })
}

function withFile(path: string, flags: string, work: (file: number) => void): void {
  const file = openSync(path, flags)
  try {
    work(file)
  } finally {
    closeSync(file)
  }
}

/** Unlike a rename, neither replaces what is there. */
function linkOrCopy(from: string, to: string): void {
  try {
    linkSync(from, to)
  } catch (error) {
    // Some file systems know no hard links; a reader may see a part of the copy then.
    if (!NO_LINKS.includes(codeOf(error) ?? '')) throw error
    copyFileSync(from, to, constants.COPYFILE_EXCL)
  }
}

function withFolder(path: string, work: () => void): void {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return work()
    } catch (error) {
      if (codeOf(error) !== 'ENOENT' || attempt === ATTEMPTS) throw error
      makeFolder(dirname(path))
    }
  }
}

/** On a read-only disk Node's recursive mkdir says that there is no such file: this one says why. */
function makeFolderByFolder(folder: string): void {
  try {
    mkdirSync(folder)
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return
    if (codeOf(error) !== 'ENOENT' || dirname(folder) === folder) throw error
    makeFolderByFolder(dirname(folder))
    makeFolderByFolder(folder)
  }
}

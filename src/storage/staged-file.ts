// The file that a write session stages its bytes in, and the journal that finds it again.
import { randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { PathNotFoundError, type WriteJournal, type WriterOptions } from './driver.ts'
import { onDisk } from './disk-threads.ts'
import { codeOf } from './system-error.ts'

/** A staged file, open for writing behind its first `size` bytes. */
export interface StagedFile {
  readonly handle: FileHandle
  /** Where it lies, as the caller of the driver names paths. */
  readonly path: string
  /** What the path has behind that of the session, when another writer was shut out. */
  readonly suffix: string
  readonly size: number
  /** Whether the folder does not durably know it yet. */
  readonly isNew: boolean
}

export interface StagingOptions extends WriterOptions {
  /** Turns a path of the driver's into an absolute one. */
  readonly locate: (path: string) => string
}

/** Opens what the journal tells of, or a new file. Rejects with `PathNotFoundError` when it has fewer bytes than that. */
export async function openStaged(stagingPath: string, options: StagingOptions): Promise<StagedFile> {
  const { journal, takeOver = false, locate } = options
  const known = parseJournal(journal)
  const path = stagingPath + known.suffix
  if (takeOver) return shutOut(stagingPath, known, options)
  if (journal !== undefined)
    return { ...known, path, isNew: false, handle: await openResumed(locate(path), known.size) }
  return { ...known, path, isNew: true, handle: await openInFolder(locate(path), 'w') }
}

/** How many bytes were kept, and in which file. */
export function journalOf({ size, suffix }: Pick<StagedFile, 'size' | 'suffix'>): WriteJournal {
  return `${size}${suffix}` as WriteJournal
}

/** Goes on in a copy: whatever the other writer still does, it does to its own file and under that file's name. */
async function shutOut(
  stagingPath: string,
  known: { size: number; suffix: string },
  { locate }: StagingOptions,
): Promise<StagedFile> {
  const suffix = `.${randomBytes(8).toString('hex')}`
  const path = stagingPath + suffix
  const handle = await openInFolder(locate(path), 'wx')
  try {
    if (known.size > 0) await copyBytes(locate(stagingPath + known.suffix), known.size, handle)
    return { handle, path, suffix, size: known.size, isNew: true }
  } catch (error) {
    await handle.close()
    throw error
  }
}

/** Makes its folder where it is missing. */
async function openInFolder(path: string, flags: string): Promise<FileHandle> {
  try {
    return await open(path, flags)
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error
    await onDisk('makeFolder', dirname(path))
    return open(path, flags)
  }
}

async function copyBytes(from: string, size: number, to: FileHandle): Promise<void> {
  for await (const bytes of createReadStream(from, { end: size - 1 })) await to.appendFile(bytes as Buffer)
  if ((await to.stat()).size !== size) throw new PathNotFoundError(from)
}

async function openResumed(location: string, size: number): Promise<FileHandle> {
  const handle = await open(location, 'r+')
  try {
    const found = await handle.stat()
    if (!(found.size >= size)) throw new PathNotFoundError(location) // also for a journal that is no number
    // What lies behind was written by a session that never closed.
    if (found.size > size) await handle.truncate(size)
    return handle
  } catch (error) {
    await handle.close()
    throw error
  }
}

function parseJournal(journal: WriteJournal | undefined): { size: number; suffix: string } {
  if (journal === undefined) return { size: 0, suffix: '' }
  const match = /^(\d{1,16})(\.[0-9a-f]{16})?$/.exec(journal)
  return match ? { size: Number(match[1]), suffix: match[2] ?? '' } : { size: Number.NaN, suffix: '' }
}

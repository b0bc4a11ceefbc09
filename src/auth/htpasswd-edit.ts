// Changes entries of a password file and leaves everything else in it byte for byte as it is.
import { isUtf8 } from 'node:buffer'
import type { Stats } from 'node:fs'
import { open, realpath, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { onDisk } from '../storage/disk-threads.ts'
import { temporaryBeside } from '../storage/temporary-name.ts'
import { codeOf } from '../storage/system-error.ts'
import { whileAlone } from '../storage/while-alone.ts'
import { parseLine } from './htpasswd.ts'
import { HtpasswdError } from './htpasswd-file.ts'

/** For a file that was not there before. */
const NEW_FILE_MODE = 0o600
const MODE_BITS = 0o7777
const CHANGED_MEANWHILE = new Error('somebody else changed the password file')
/** What can not stand before the colon, or would be read as something else: see {@link parseHtpasswd}. */
// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const IMPOSSIBLE_NAME = /^$|^[#$@]|[:\u0000-\u001f\u007f]/

interface Reading {
  readonly text: string
  /** Undefined: there is no file. */
  readonly stats: Stats | undefined
}

/** The hash of the line that counts for `name`, which is the first one. */
export function hashIn(text: string, name: string): string | undefined {
  for (const line of linesOf(text)) {
    const entry = parseLine(line)
    if (entry?.name === name) return entry.hash
  }
  return undefined
}

/**
 * Gives `name` a new hash: in the line that counts for it, where the comment stays, or in a new last one. Throws
 * {@link HtpasswdError} for a name that can not stand in the file.
 */
export function setEntry(text: string, name: string, hash: string): string {
  if (IMPOSSIBLE_NAME.test(name))
    throw new HtpasswdError(
      `${JSON.stringify(name)} can not be a name: it is empty, begins with # $ or @, or holds a colon or a control character`,
    )
  const lines = linesOf(text)
  const index = lines.findIndex((line) => parseLine(line)?.name === name)
  const entry = parseLine(lines[index] ?? '')
  if (entry) return lines.with(index, `${name}:${hash}${entry.rest}`).join('')
  const end = text.includes('\r\n') ? '\r\n' : '\n'
  return `${text}${text === '' || text.endsWith('\n') ? '' : end}${name}:${hash}${end}`
}

/** Removes all lines of `name`: when only the first went, the next one would count. */
export function removeEntry(text: string, name: string): string {
  return linesOf(text)
    .filter((line) => parseLine(line)?.name !== name)
    .join('')
}

/**
 * Puts what `edit` makes of the file's text in its place, in one step, with the mode and owner that it had. Nobody else who
 * edits it through here does so meanwhile; after a change by others, `edit` is asked again. Nothing is written when nothing
 * changed. There need not be a file yet. Rejects with {@link HtpasswdError} when the file can not be read or replaced, and as
 * `edit` throws.
 */
export async function editHtpasswd(path: string, edit: (text: string) => string): Promise<void> {
  try {
    // A link stays one: what it leads to is replaced.
    const file = await realpath(path).catch(() => path)
    const lock = join(dirname(file), `.${basename(file)}.lock`)
    await whileAlone(lock, async () => {
      while (!(await editOnce(file, edit)));
    })
  } catch (cause) {
    if (codeOf(cause) === undefined || cause instanceof HtpasswdError) throw cause
    throw new HtpasswdError(`the password file ${path} can not be changed: ${reasonOf(cause)}`, { cause })
  }
}

/** Each with its end. */
function linesOf(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? []
}

/** False when somebody else changed the file meanwhile. */
async function editOnce(file: string, edit: (text: string) => string): Promise<boolean> {
  const reading = await read(file)
  const edited = edit(reading.text)
  if (edited === reading.text) return true
  const temporary = temporaryBeside(file)
  try {
    await write(temporary, edited, file, reading.stats)
    await onDisk('moveFile', temporary, file, { fsync: true })
    return true
  } catch (error) {
    await rm(temporary, { force: true })
    if (error === CHANGED_MEANWHILE) return false
    throw error
  }
}

async function read(file: string): Promise<Reading> {
  try {
    await using handle = await open(file)
    const stats = await handle.stat()
    const bytes = await handle.readFile()
    if (!isUtf8(bytes))
      throw new HtpasswdError(`the password file ${file} is not UTF-8, and is left as it is`)
    return { text: bytes.toString(), stats }
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return { text: '', stats: undefined }
    throw error
  }
}

async function write(
  temporary: string,
  text: string,
  file: string,
  before: Stats | undefined,
): Promise<void> {
  await using handle = await open(temporary, 'wx', NEW_FILE_MODE)
  const own = await handle.stat()
  if (before && (own.uid !== before.uid || own.gid !== before.gid)) await handle.chown(before.uid, before.gid)
  if (before) await handle.chmod(before.mode & MODE_BITS)
  await handle.writeFile(text)
  await handle.sync()
  const now = await stat(file).catch(() => undefined)
  if (now?.ino !== before?.ino || now?.mtimeMs !== before?.mtimeMs || now?.size !== before?.size)
    throw CHANGED_MEANWHILE
}

function reasonOf(error: unknown): string {
  const code = codeOf(error)
  if (code === 'EBUSY') return 'it is mounted on its own; mount the folder that it is in'
  if (code === 'EPERM') return 'its owner could not be kept'
  return error instanceof Error ? error.message : 'unknown reason'
}

// A disk of a few MiB that a test can fill and make read-only: a tmpfs, which only root may mount.
import { execFile } from 'node:child_process'
import { writeFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { atEnd, temporaryFolder, type Scope } from './scope.ts'

const run = promisify(execFile)

export interface TinyDisk {
  readonly path: string
  /** Leaves no byte free. */
  fill(): Promise<void>
  /** Takes back what `fill` took. */
  empty(): Promise<void>
  /** Rejects while a file is open for writing. */
  setReadOnly(isReadOnly: boolean): Promise<void>
}

/** Whether this process may mount: root, outside a container without that right. */
export async function canMount(): Promise<boolean> {
  return run('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']).then(
    () => true,
    () => false,
  )
}

/** Mounts a disk of `mebibytes`; it is unmounted when `t` ends. */
export async function mountTinyDisk(t: Scope, mebibytes: number): Promise<TinyDisk> {
  const path = await temporaryFolder(t)
  await run('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'tmpfs', path])
  atEnd(t, async () => void (await run('umount', ['--lazy', path])))
  const filler = join(path, 'filler')
  return {
    path,
    fill: async () => {
      const isFull = await writeFile(filler, Buffer.alloc(mebibytes * 1024 * 1024)).catch(() => 'full')
      if (isFull === undefined) throw new Error('the disk is larger than it was made')
    },
    empty: () => rm(filler),
    setReadOnly: async (isReadOnly) =>
      void (await run('mount', ['-o', `remount,${isReadOnly ? 'ro' : 'rw'}`, path])),
  }
}

// The driver on a folder: the contract, and what it leaves on the disk.
import assert from 'node:assert/strict'
import { open, readdir, readFile, readlink, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { test } from 'node:test'
import { PathNotFoundError, StorageFullError, StorageUnavailableError } from '../../src/storage/driver.ts'
import { FilesystemDriver } from '../../src/storage/filesystem.ts'
import { BufferPool } from '../../src/storage/buffer-pool.ts'
import { FilesystemWriter } from '../../src/storage/filesystem-writer.ts'
import { translated } from '../../src/storage/system-error.ts'
import { temporaryFolder } from '../support/scope.ts'
import { seededBytes } from '../support/seeded-bytes.ts'
import { until } from '../support/until.ts'
import { testStorageDriver } from './driver-suite.ts'

testStorageDriver('filesystem', async (t) => new FilesystemDriver({ root: await temporaryFolder(t) }))

testStorageDriver('filesystem without fsync', async (t) => {
  return new FilesystemDriver({ root: await temporaryFolder(t), fsync: false })
})

test('a session is staged where its path says, as registry:2 stages uploads', async (t) => {
  const { root, driver } = await start(t)
  const writer = await driver.openWriter('_uploads/1/data')
  await writer.write(Buffer.from('bytes'))
  await writer.close()
  assert.equal(await readFile(join(root, '_uploads/1/data'), 'utf8'), 'bytes')
})

test('a staged file that the disk lost bytes of cannot go on', async (t) => {
  const { root, driver } = await start(t)
  const writer = await driver.openWriter('staging/data')
  await writer.write(Buffer.from('bytes'))
  const journal = await writer.close()
  await truncate(join(root, 'staging/data'), 3)
  await assert.rejects(driver.openWriter('staging/data', { journal }), PathNotFoundError)
})

test('a file is written also while others delete its folder again and again', async (t) => {
  const { driver } = await start(t)
  const failures: unknown[] = []
  const deletes = async () => {
    for (let count = 0; count < 200; count += 1)
      await driver.delete('folder').catch((error: unknown) => failures.push(error))
  }
  const writes = async (name: string) => {
    for (let count = 0; count < 200; count += 1) await driver.writeAll(`folder/${name}`, Buffer.from(name))
  }
  await Promise.all([deletes(), writes('a'), writes('b')])
  // Who deletes may be told to try again.
  assert.deepEqual(
    failures.filter((error) => !(error instanceof StorageUnavailableError)),
    [],
  )
})

test('leftovers of a killed process are not listed', async (t) => {
  const { root, driver } = await start(t)
  await driver.writeAll('folder/file', Buffer.from('x'))
  await writeFile(join(root, 'folder', '.0123.tmp'), 'half')
  const names: string[] = []
  for await (const { name } of driver.list('folder')) names.push(name)
  assert.deepEqual(names, ['file'])
})

test('writing leaves nothing but the file, with the modes that the process asks for', async (t) => {
  const { root, driver } = await start(t)
  await driver.writeAll('folder/file', Buffer.from('x'))
  await driver.copy('folder/file', 'folder/copy')
  assert.deepEqual((await readdir(join(root, 'folder'))).sort(), ['copy', 'file'])
  const open = 0o777 & ~process.umask()
  assert.equal((await stat(join(root, 'folder'))).mode & 0o777, open)
  assert.equal((await stat(join(root, 'folder/file'))).mode & 0o777, open & 0o666)
})

test('a failed write leaves the old content and no temporary file', async (t) => {
  const { root, driver } = await start(t)
  await driver.writeAll('folder/file/below', Buffer.from('x'))
  await assert.rejects(driver.writeAll('folder/file', Buffer.from('y')))
  assert.deepEqual(await readdir(join(root, 'folder')), ['file'])
})

test('no file stays open when readers are destroyed, called off, or never begin', async (t) => {
  const { root, driver } = await start(t)
  await driver.writeAll('file', Buffer.alloc(3_000_000))
  const unread = await driver.read('file')
  const begun = await driver.read('file')
  await new Promise((resolve) => begun.once('readable', resolve))
  const control = new AbortController()
  const off = await driver.read('file', { signal: control.signal })
  off.on('error', () => undefined)
  assert.equal(await openFilesBelow(root), 3)
  unread.destroy()
  begun.destroy()
  control.abort()
  await assert.rejects(driver.read('file', { range: { start: 0, end: 5_000_000 } }), RangeError)
  await assert.rejects(driver.readAll('file', { maxBytes: 1 }), RangeError)
  await buffer(await driver.read('file'))
  await until('all files are closed', async () => (await openFilesBelow(root)) === 0)
})

test('no file stays open when sessions are closed, committed and cancelled', async (t) => {
  const { root, driver } = await start(t)
  await (await driver.openWriter('1/data')).close()
  await (await driver.openWriter('2/data')).commit('file')
  await (await driver.openWriter('3/data')).cancel()
  assert.equal(await openFilesBelow(root), 0)
})

test('a disk without room is told from one that cannot be used', async () => {
  await assert.rejects(failing('ENOSPC'), StorageFullError)
  await assert.rejects(failing('EDQUOT'), StorageFullError)
  await assert.rejects(failing('EROFS'), StorageUnavailableError)
  await assert.rejects(failing('EIO'), StorageUnavailableError)
  await assert.rejects(failing('ENOENT'), PathNotFoundError)
})

test('what the disk takes only a part of is written again from there', async (t) => {
  const { root, driver } = await start(t)
  const handle = await open(join(root, 'staged'), 'w')
  const write = handle.write.bind(handle)
  const writeSome = (bytes: Uint8Array, offset: number, length: number, position: number) =>
    write(bytes, offset, Math.min(length, 30_000), position)
  Object.assign(handle, { write: writeSome })
  const writer = new FilesystemWriter({
    staged: { handle, path: 'staged', suffix: '', size: 0, isNew: true },
    durability: { fsync: false },
    locate: (path) => join(root, path),
    read: (path, range) => driver.read(path, { range }),
    pool: new BufferPool({ bytes: 128 * 1024, mostLent: 1, mostKept: 1 }),
  })
  const bytes = seededBytes('in parts', 1_000_000)
  for (let at = 0; at < bytes.length; at += 100_000) await writer.write(bytes.subarray(at, at + 100_000))
  await writer.close()
  assert.deepEqual(await readFile(join(root, 'staged')), bytes)
})

test('a full disk fails the write that fills it, and the session keeps what was written before', async () => {
  // /dev/full takes no byte, as a disk without room does.
  const driver = new FilesystemDriver({ root: '/dev', fsync: false })
  const writer = await driver.openWriter('full')
  await assert.rejects(async () => writer.write(Buffer.alloc(600_000)), StorageFullError)
  assert.equal(writer.size, 0)
  assert.equal(await writer.close(), '0')
})

async function start(t: Parameters<typeof temporaryFolder>[0]) {
  const root = await temporaryFolder(t)
  return { root, driver: new FilesystemDriver({ root }) }
}

function failing(code: string): Promise<never> {
  return translated('some/path', () => Promise.reject(Object.assign(new Error(code), { code })))
}

async function openFilesBelow(root: string): Promise<number> {
  const descriptors = await readdir('/proc/self/fd')
  const targets = await Promise.all(
    descriptors.map((descriptor) => readlink(`/proc/self/fd/${descriptor}`).catch(() => '')),
  )
  return targets.filter((target) => target.startsWith(root)).length
}

// What every storage driver has to do; each one's test runs it.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { test, type TestContext } from 'node:test'
import { PathNotFoundError, type StorageDriver } from '../../src/storage/driver.ts'
import { temporaryFolder } from '../support/scope.ts'
import { seededBytes } from '../support/seeded-bytes.ts'

/** Runs the contract of {@link StorageDriver} on drivers that `create` makes; each is empty and closed with the test. */
export function testStorageDriver(
  name: string,
  create: (t: TestContext) => StorageDriver | Promise<StorageDriver>,
): void {
  test(`${name}: a small file reads back as it was written`, async (t) => {
    const driver = await create(t)
    await driver.writeAll('a/b/link', text('one'))
    assert.equal(await readText(driver, 'a/b/link'), 'one')
    const { size, modifiedAt } = await driver.stat('a/b/link')
    assert.equal(size, 3)
    assert.ok(Math.abs(Date.now() - modifiedAt.getTime()) < 60_000)
  })

  test(`${name}: a file that is written again is replaced, shorter content too`, async (t) => {
    const driver = await create(t)
    await driver.writeAll('a/link', text('a long text'))
    await driver.writeAll('a/link', text('short'))
    assert.equal(await readText(driver, 'a/link'), 'short')
  })

  test(`${name}: several files are written in one call`, async (t) => {
    const driver = await create(t)
    await driver.writeEach([])
    await driver.writeEach([
      { path: 'a/link', bytes: text('one') },
      { path: 'b/c/link', bytes: text('another') },
      { path: 'a/link', bytes: text('later') },
    ])
    assert.equal(await readText(driver, 'a/link'), 'later')
    assert.equal(await readText(driver, 'b/c/link'), 'another')
    await assert.rejects(driver.writeEach([{ path: 'a/link/below', bytes: text('x') }]), PathNotFoundError)
  })

  test(`${name}: what is not there is not found, and neither is a folder`, async (t) => {
    const driver = await create(t)
    await driver.writeAll('folder/file', text('x'))
    for (const path of ['nothing', 'nothing/below', 'folder', 'folder/file/below']) {
      await assert.rejects(driver.stat(path), PathNotFoundError)
      assert.deepEqual(await driver.sizes([path, 'folder/file']), [undefined, 1])
      await assert.rejects(driver.read(path), PathNotFoundError)
      await assert.rejects(driver.readAll(path, { maxBytes: 10 }), PathNotFoundError)
      await assert.rejects(driver.copy(path, 'target'), PathNotFoundError)
    }
  })

  test(`${name}: the folders below several folders are those that a listing finds`, async (t) => {
    const driver = await create(t)
    for (const path of ['a/b/file', 'a/c/file', 'a/B/file', 'a/file', 'd/file'])
      await driver.writeAll(path, text('x'))
    assert.deepEqual(await driver.subfolders([], 3), [])
    const folders = ['a', 'd', 'nothing', 'a/file', 'nothing/below', 'a/b']
    assert.deepEqual(await driver.subfolders(folders, 3), [['B', 'b', 'c'], [], [], [], [], []])
    assert.deepEqual(await driver.subfolders(['a', 'd', 'a'], 2), [undefined, [], undefined])
  })

  test(`${name}: readAll refuses what is larger than its caller takes`, async (t) => {
    const driver = await create(t)
    await driver.writeAll('file', text('12345'))
    await assert.rejects(driver.readAll('file', { maxBytes: 4 }), RangeError)
    assert.equal((await driver.readAll('file', { maxBytes: 5 })).toString(), '12345')
  })

  test(`${name}: an empty file is a file`, async (t) => {
    const driver = await create(t)
    await driver.writeAll('small', text(''))
    const writer = await driver.openWriter('staging/data')
    await writer.commit('streamed')
    assert.equal((await driver.stat('small')).size, 0)
    assert.equal((await driver.stat('streamed')).size, 0)
    assert.equal(await readText(driver, 'streamed'), '')
  })

  test(`${name}: a range is read with both ends, and one beyond the end fails before the first byte`, async (t) => {
    const driver = await create(t)
    await driver.writeAll('file', text('0123456789'))
    assert.equal(await streamText(await driver.read('file', { range: { start: 2, end: 4 } })), '234')
    assert.equal(await streamText(await driver.read('file', { range: { start: 9, end: 9 } })), '9')
    await assert.rejects(driver.read('file', { range: { start: 5, end: 10 } }), RangeError)
  })

  test(`${name}: a reader that is called off ends with an error`, async (t) => {
    const driver = await create(t)
    await driver.writeAll('file', seededBytes('called off', 4_000_000))
    const control = new AbortController()
    const stream = await driver.read('file', { signal: control.signal })
    await once(stream, 'readable')
    control.abort()
    await assert.rejects(buffer(stream), { name: 'AbortError' })
    await assert.rejects(driver.read('file', { signal: control.signal }), { name: 'AbortError' })
  })

  test(`${name}: written bytes are readable nowhere until they are committed, then all at once`, async (t) => {
    const driver = await create(t)
    const bytes = seededBytes('streamed', 1_500_000)
    const writer = await driver.openWriter('uploads/1/data')
    await writer.write(bytes.subarray(0, 1_000_000))
    await assert.rejects(driver.stat('blobs/1/data'), PathNotFoundError)
    await writer.write(bytes.subarray(1_000_000))
    assert.equal(writer.size, bytes.length)
    await writer.commit('blobs/1/data')
    assert.deepEqual(await buffer(await driver.read('blobs/1/data')), bytes)
  })

  test(`${name}: thousands of tiny chunks arrive in order`, async (t) => {
    const driver = await create(t)
    const bytes = seededBytes('tiny', 5000)
    const writer = await driver.openWriter('staging/data')
    for (let at = 0; at < bytes.length; at += 1) await writer.write(bytes.subarray(at, at + 1))
    await writer.commit('file')
    assert.deepEqual(await buffer(await driver.read('file')), bytes)
  })

  test(`${name}: a chunk's memory may be used again as soon as it was written`, async (t) => {
    const driver = await create(t)
    const bytes = seededBytes('again', 600_000)
    const chunk = Buffer.alloc(150_000)
    const writer = await driver.openWriter('staging/data')
    for (let at = 0; at < bytes.length; at += chunk.length) {
      bytes.copy(chunk, 0, at)
      await writer.write(chunk)
      chunk.fill(0)
    }
    await writer.commit('file')
    assert.deepEqual(await buffer(await driver.read('file')), bytes)
  })

  test(`${name}: a closed session goes on where its journal says, and drops what was written past it`, async (t) => {
    const driver = await create(t)
    const first = await driver.openWriter('staging/data')
    await first.write(text('kept,'))
    const journal = await first.close()
    const lost = await driver.openWriter('staging/data', { journal })
    await lost.write(text('written and closed, but never acknowledged'))
    await lost.close()
    const second = await driver.openWriter('staging/data', { journal })
    assert.equal(second.size, 5)
    await second.write(text('end'))
    await second.commit('file')
    assert.equal(await readText(driver, 'file'), 'kept,end')
  })

  test(`${name}: a session that was committed or cancelled cannot go on`, async (t) => {
    const driver = await create(t)
    const journal = await closedSession(driver, 'one/data')
    await (await driver.openWriter('one/data', { journal })).commit('file')
    await assert.rejects(driver.openWriter('one/data', { journal }), PathNotFoundError)
    const other = await closedSession(driver, 'two/data')
    await (await driver.openWriter('two/data', { journal: other })).cancel()
    await assert.rejects(driver.openWriter('two/data', { journal: other }), PathNotFoundError)
  })

  test(`${name}: a session without a journal begins anew`, async (t) => {
    const driver = await create(t)
    await closedSession(driver, 'staging/data')
    const writer = await driver.openWriter('staging/data')
    assert.equal(writer.size, 0)
    await writer.write(text('new'))
    await writer.commit('file')
    assert.equal(await readText(driver, 'file'), 'new')
  })

  test(`${name}: what is written can be read back before it is committed, with what earlier sessions wrote`, async (t) => {
    const driver = await create(t)
    const journal = await closedSession(driver, 'staging/data')
    const writer = await driver.openWriter('staging/data', { journal })
    await writer.write(text(' and more'))
    assert.equal(await streamText(await writer.readBack()), 'some bytes and more')
    await writer.commit('file')
    assert.equal(await readText(driver, 'file'), 'some bytes and more')
    const empty = await driver.openWriter('other/data')
    assert.equal(await streamText(await empty.readBack()), '')
    await empty.cancel()
  })

  test(`${name}: a session that is taken over is out of reach of the writer before, whatever that does`, async (t) => {
    const driver = await create(t)
    const journal = await closedSession(driver, 'staging/data')
    const stale = await driver.openWriter('staging/data', { journal })
    await stale.write(text(' of the stale'))
    const heir = await driver.openWriter('staging/data', { journal, takeOver: true })
    assert.equal(heir.size, 10)
    await heir.write(text(' of the heir'))
    await stale.write(text(' one, still writing'))
    const heirJournal = await heir.close()
    await stale.commit('stale')
    const resumed = await driver.openWriter('staging/data', { journal: heirJournal })
    await resumed.write(text(', resumed'))
    await resumed.commit('file')
    assert.equal(await readText(driver, 'file'), 'some bytes of the heir, resumed')
    assert.equal(await readText(driver, 'stale'), 'some bytes of the stale one, still writing')
  })

  test(`${name}: a session of which nothing was kept is taken over from its beginning`, async (t) => {
    const driver = await create(t)
    const stale = await driver.openWriter('staging/data')
    await stale.write(text('stale'))
    const heir = await driver.openWriter('staging/data', { takeOver: true })
    await heir.write(text('new'))
    await stale.close()
    await heir.commit('file')
    assert.equal(await readText(driver, 'file'), 'new')
  })

  test(`${name}: of all who want to make one file at once one does, and it is whole`, async (t) => {
    const driver = await create(t)
    const contents = Array.from({ length: 8 }, (_, at) => String(at).repeat(1000))
    const made = await Promise.all(contents.map((content) => driver.writeNew('deep/er/claim', text(content))))
    assert.equal(made.filter(Boolean).length, 1)
    assert.equal(await readText(driver, 'deep/er/claim'), contents[made.indexOf(true)])
    assert.deepEqual(await names(driver, 'deep/er'), ['claim'])
    await driver.delete('deep/er/claim', { durable: false })
    assert.equal(await driver.writeNew('deep/er/claim', text('again')), true)
    await driver.writeAll('deep/er/claim', text('replaced'), { durable: false })
    assert.equal(await readText(driver, 'deep/er/claim'), 'replaced')
  })

  test(`${name}: a commit replaces what is there, and its readers finish what they began`, async (t) => {
    const driver = await create(t)
    const before = seededBytes('before', 2_000_000)
    await driver.writeAll('file', before)
    const stream = await driver.read('file')
    const writer = await driver.openWriter('staging/data')
    await writer.write(text('after'))
    await writer.commit('file')
    assert.deepEqual(await buffer(stream), before)
    assert.equal(await readText(driver, 'file'), 'after')
  })

  test(`${name}: writers of one file at the same time leave one whole content`, async (t) => {
    const driver = await create(t)
    const contents = Array.from({ length: 8 }, (_, at) => String(at).repeat(10_000))
    await Promise.all(contents.map((content) => driver.writeAll('deep/er/link', text(content))))
    assert.ok(contents.includes(await readText(driver, 'deep/er/link')))
    assert.deepEqual(await names(driver, 'deep/er'), ['link'])
  })

  test(`${name}: a folder is listed in the byte order of its names, one level deep`, async (t) => {
    const driver = await create(t)
    for (const path of ['f/b/x', 'f/a-b/x', 'f/a/x', 'f/B', 'f/_a/x', 'f/10', 'f/9'])
      await driver.writeAll(path, text('x'))
    assert.deepEqual(await names(driver, 'f'), ['10', '9', 'B', '_a/', 'a/', 'a-b/', 'b/'])
    assert.deepEqual(await names(driver, 'nothing'), [])
    assert.deepEqual(await names(driver, 'f/B'), [])
  })

  test(`${name}: a file of the local disk is adopted whole, in place of what is there, and again`, async (t) => {
    const [driver, folder] = [await create(t), await temporaryFolder(t)]
    const file = join(folder, 'finished')
    await writeFile(file, 'the bytes')
    await driver.writeAll('to/file', text('something longer'))
    for (let round = 0; round < 2; round += 1) {
      await driver.adopt(file, 'to/file')
      assert.equal(await readText(driver, 'to/file'), 'the bytes')
    }
    assert.deepEqual(await names(driver, 'to'), ['file'])
    await rm(file)
    assert.equal(await readText(driver, 'to/file'), 'the bytes')
    await assert.rejects(driver.adopt(file, 'to/other'), PathNotFoundError)
  })

  test(`${name}: a copy is a file of its own`, async (t) => {
    const driver = await create(t)
    await driver.writeAll('from', text('bytes'))
    await driver.copy('from', 'to/file')
    await driver.delete('from')
    assert.equal(await readText(driver, 'to/file'), 'bytes')
  })

  test(`${name}: deleting a folder takes all below it, deleting nothing is no error`, async (t) => {
    const driver = await create(t)
    await driver.writeAll('f/a/link', text('x'))
    await driver.writeAll('f/b', text('x'))
    await driver.writeAll('fa', text('stays'))
    await driver.delete('f')
    await driver.delete('f')
    await driver.delete('never/was')
    assert.deepEqual(await names(driver, 'f'), [])
    assert.equal(await readText(driver, 'fa'), 'stays')
  })

  test(`${name}: no path leads out of the store`, async (t) => {
    const driver = await create(t)
    const outside = [
      '..',
      '../x',
      'a/../../x',
      '/etc/passwd',
      '',
      'a//b',
      'a/',
      './a',
      'a\0b',
      'a\\b',
      '.hidden',
    ]
    for (const path of outside) {
      await assert.rejects(driver.writeAll(path, text('x')), TypeError)
      await assert.rejects(driver.readAll(path, { maxBytes: 1000 }), TypeError)
      await assert.rejects(driver.delete(path), TypeError)
      await assert.rejects(driver.openWriter(path), TypeError)
      await assert.rejects(driver.writeNew(path, text('x')), TypeError)
    }
  })
}

function text(content: string): Buffer {
  return Buffer.from(content)
}

async function readText(driver: StorageDriver, path: string): Promise<string> {
  return streamText(await driver.read(path))
}

async function streamText(stream: Readable): Promise<string> {
  return (await buffer(stream)).toString()
}

async function names(driver: StorageDriver, folder: string): Promise<string[]> {
  const found: string[] = []
  for await (const { name, isFolder } of driver.list(folder)) found.push(isFolder ? `${name}/` : name)
  return found
}

async function closedSession(driver: StorageDriver, stagingPath: string) {
  const writer = await driver.openWriter(stagingPath)
  await writer.write(text('some bytes'))
  return writer.close()
}

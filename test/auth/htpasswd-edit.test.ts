import assert from 'node:assert/strict'
import { chmod, chown, lstat, readdir, readFile, rename, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { editHtpasswd, hashIn, removeEntry, setEntry } from '../../src/auth/htpasswd-edit.ts'
import { HtpasswdError } from '../../src/auth/htpasswd-file.ts'
import { parseHtpasswd } from '../../src/auth/htpasswd.ts'
import { temporaryFolder, type Scope } from '../support/scope.ts'

async function passwordFile(t: Scope, text: string): Promise<string> {
  const path = join(await temporaryFolder(t), 'htpasswd')
  await writeFile(path, text)
  return path
}

test('a new hash takes the old one’s place, and the comment and the line’s end stay', () => {
  const text = '# alice:no\nalice:old:of accounting\r\nbob:old\n alice:other\nalice:later\n'
  assert.equal(
    setEntry(text, 'alice', 'new'),
    '# alice:no\nalice:new:of accounting\r\nbob:old\n alice:other\nalice:later\n',
  )
})

test('a new name comes last, in a line that ends as the others do', () => {
  assert.equal(setEntry('', 'alice', 'hash'), 'alice:hash\n')
  assert.equal(setEntry('bob:old', 'alice', 'hash'), 'bob:old\nalice:hash\n')
  assert.equal(setEntry('bob:old\r\n', 'alice', 'hash'), 'bob:old\r\nalice:hash\r\n')
})

test('a removed name leaves no line that would count next', () => {
  assert.equal(removeEntry('alice:1\nbob:2\nalice:3\n#alice:4\n', 'alice'), 'bob:2\n#alice:4\n')
  assert.equal(removeEntry('bob:2', 'alice'), 'bob:2')
})

test('what would be read as something else can not be a name', () => {
  for (const name of ['', 'a:b', '#a', '$a', '@a', 'a\nb', 'a\r', 'a\tb'])
    assert.throws(() => setEntry('', name, 'hash'), HtpasswdError, JSON.stringify(name))
})

test('the other lines of any text stay as they are, and the new hash counts', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', ':', '#', '$', '\r', '\n', ' ') })
  fc.assert(
    fc.property(text, fc.constantFrom('a', 'b', 'ab', 'c'), (before, name) => {
      const others = (list: string) => [...parseHtpasswd(list).entries].filter(([key]) => key !== name)
      const after = setEntry(before, name, 'new')
      assert.equal(hashIn(after, name), 'new')
      assert.equal(parseHtpasswd(after).entries.get(name)?.hash, 'new')
      assert.deepEqual(others(after), others(before))
      assert.equal(setEntry(after, name, 'new'), after)
      const removed = removeEntry(after, name)
      assert.equal(hashIn(removed, name), undefined)
      assert.deepEqual(others(removed), others(before))
    }),
  )
})

test('the file is replaced in one step, and keeps its mode, its owner and the link that leads to it', async (t) => {
  const file = await passwordFile(t, 'alice:1\n')
  await chmod(file, 0o640)
  const isRoot = process.getuid?.() === 0
  if (isRoot) await chown(file, 12, 34)
  const before = await stat(file)
  const link = `${file}.link`
  await symlink(file, link)
  await editHtpasswd(link, (text) => setEntry(text, 'bob', '2'))
  const after = await stat(file)
  assert.equal(await readFile(file, 'utf8'), 'alice:1\nbob:2\n')
  assert.deepEqual([after.mode, after.uid, after.gid], [before.mode, before.uid, before.gid])
  assert.notEqual(after.ino, before.ino)
  assert.ok((await lstat(link)).isSymbolicLink())
})

test('a file that is not there is made for its owner alone, and an edit that changes nothing writes nothing', async (t) => {
  const path = join(await temporaryFolder(t), 'htpasswd')
  await editHtpasswd(path, (text) => setEntry(text, 'alice', '1'))
  const { mode, ino } = await stat(path)
  assert.equal(mode & 0o777, 0o600)
  await editHtpasswd(path, (text) => setEntry(text, 'alice', '1'))
  assert.equal((await stat(path)).ino, ino)
})

test('of edits at the same time none is lost', async (t) => {
  const path = await passwordFile(t, '')
  const names = Array.from({ length: 12 }, (_, index) => `user${index}`)
  await Promise.all(names.map((name) => editHtpasswd(path, (text) => setEntry(text, name, 'hash'))))
  assert.deepEqual(
    [...parseHtpasswd(await readFile(path, 'utf8')).entries.keys()].toSorted(),
    names.toSorted(),
  )
})

test('what somebody else writes while a new text is made is taken in', async (t) => {
  const path = await passwordFile(t, 'alice:1\n')
  await writeFile(`${path}.new`, 'alice:1\ncarol:3\n')
  let isFirst = true
  let others: Promise<void> = Promise.resolve()
  const edit = editHtpasswd(path, (text) => {
    // Another program's replacement comes in behind our reading.
    if (isFirst) others = rename(`${path}.new`, path)
    isFirst = false
    return setEntry(text, 'bob', '2')
  })
  await Promise.all([edit, others])
  assert.equal(await readFile(path, 'utf8'), 'alice:1\ncarol:3\nbob:2\n')
})

test('a file that is not UTF-8, and a folder that is not there, stay as they are', async (t) => {
  const path = await passwordFile(t, '')
  const latin1 = Buffer.from('jürgen:1\n', 'latin1')
  await writeFile(path, latin1)
  await assert.rejects(
    editHtpasswd(path, (text) => setEntry(text, 'bob', '2')),
    { name: 'HtpasswdError', message: /not UTF-8/ },
  )
  assert.deepEqual(await readFile(path), latin1)
  await assert.rejects(
    editHtpasswd(join(path, 'below'), (text) => `${text}a:1\n`),
    HtpasswdError,
  )
})

test('an error of the edit leaves the file and no other file behind', async (t) => {
  const path = await passwordFile(t, 'alice:1\n')
  await assert.rejects(
    editHtpasswd(path, () => {
      throw new TypeError('no')
    }),
    TypeError,
  )
  assert.equal(await readFile(path, 'utf8'), 'alice:1\n')
  assert.deepEqual((await readdir(join(path, '..'))).toSorted(), ['.htpasswd.lock', 'htpasswd'])
})

import assert from 'node:assert/strict'
import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { HtpasswdError, HtpasswdFile, type HtpasswdFileOptions } from '../../src/auth/htpasswd-file.ts'
import { temporaryFolder } from '../support/scope.ts'
import { until } from '../support/until.ts'

const HASH = '$apr1$saltsalt$0123456789012345678901'

async function openFile(t: TestContext, options: HtpasswdFileOptions): Promise<HtpasswdFile> {
  const file = await HtpasswdFile.open(options)
  t.after(() => file.close())
  return file
}

test('an atomic replacement is noticed', async (t) => {
  const path = join(await temporaryFolder(t), 'htpasswd')
  await writeFile(path, `alice:${HASH}\n`)
  const file = await openFile(t, { path })
  for (const name of ['bob', 'carol']) {
    // Twice: a watch on the file itself would be blind by now.
    await writeFile(`${path}.new`, `${name}:${HASH}\n`)
    await rename(`${path}.new`, path)
    await until(`${name} is an account`, () => file.has(name))
  }
  assert.equal(file.has('alice'), false)
})

test('a change in place is noticed and told once', async (t) => {
  const path = join(await temporaryFolder(t), 'htpasswd')
  await writeFile(path, `alice:${HASH}\n`)
  const loads: string[][] = []
  const file = await openFile(t, { path, onLoad: ({ entries }) => loads.push([...entries.keys()]) })
  await writeFile(path, `alice:${HASH}\nbob:${HASH}\n`)
  await until('bob is an account', () => file.has('bob'))
  await file.reload()
  assert.deepEqual(loads, [['alice'], ['alice', 'bob']])
})

test('a folder that is exchanged by a link, as Kubernetes does with secrets, is noticed', async (t) => {
  const folder = await temporaryFolder(t)
  for (const [version, name] of Object.entries({ one: 'alice', two: 'bob' })) {
    await mkdir(join(folder, version))
    await writeFile(join(folder, version, 'htpasswd'), `${name}:${HASH}\n`)
  }
  await symlink('one', join(folder, 'data'))
  await symlink('data/htpasswd', join(folder, 'htpasswd'))
  const file = await openFile(t, { path: join(folder, 'htpasswd') })
  await symlink('two', join(folder, 'data.new'))
  await rename(join(folder, 'data.new'), join(folder, 'data'))
  await until('bob is an account', () => file.has('bob'))
  assert.equal(file.has('alice'), false)
})

test('a change of what a link leads to is noticed, in place or by replacement, in a folder that nobody watches', async (t) => {
  const [folder, elsewhere] = [await temporaryFolder(t), await temporaryFolder(t)]
  const [path, target] = [join(folder, 'htpasswd'), join(elsewhere, 'htpasswd')]
  await writeFile(target, `alice:${HASH}\n`)
  await symlink(target, path)
  const file = await openFile(t, { path })
  await writeFile(target, `bob:${HASH}\n`)
  await until('bob is an account', () => file.has('bob'))
  assert.equal(file.has('alice'), false)
  await writeFile(`${target}.new`, `carol:${HASH}\n`)
  await rename(`${target}.new`, target)
  await until('carol is an account', () => file.has('carol'))
})

test('a file that vanishes or makes no sense leaves the accounts as they were', async (t) => {
  const path = join(await temporaryFolder(t), 'htpasswd')
  await writeFile(path, `alice:${HASH}\n`)
  const errors: unknown[] = []
  const file = await openFile(t, { path, onError: (error) => errors.push(error) })
  await rm(path)
  await until('the loss is told', () => errors.at(-1) instanceof HtpasswdError)
  assert.equal(file.has('alice'), true)
  await writeFile(path, '-----BEGIN CERTIFICATE-----\nMIIB\n')
  await assert.rejects(file.reload(), /holds no account/)
  assert.equal(file.has('alice'), true)
  await writeFile(path, `bob:${HASH}\n`)
  await file.reload()
  assert.equal(file.has('bob'), true)
})

test('an emptied file takes every account away', async (t) => {
  const path = join(await temporaryFolder(t), 'htpasswd')
  await writeFile(path, `alice:${HASH}\n`)
  const file = await openFile(t, { path })
  await writeFile(path, '# nobody\n')
  await file.reload()
  assert.equal(file.has('alice'), false)
})

test('a file that can not be read at the start is an error that names it', async (t) => {
  const path = join(await temporaryFolder(t), 'missing', 'htpasswd')
  await assert.rejects(HtpasswdFile.open({ path }), (error) => {
    assert.ok(error instanceof HtpasswdError)
    assert.ok(error.message.includes(path))
    return true
  })
})

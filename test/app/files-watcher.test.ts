import assert from 'node:assert/strict'
import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { FilesWatcher } from '../../src/app/files-watcher.ts'
import { atEnd, temporaryFolder } from '../support/scope.ts'
import { until } from '../support/until.ts'

/** Watches; `told` resolves when a change was told that no earlier call has answered. */
async function watchFiles(t: TestContext, ...files: string[]) {
  let [count, seen] = [0, 0]
  const watcher = await FilesWatcher.start(files, () => (count += 1))
  atEnd(t, () => watcher.close())
  return {
    watcher,
    count: () => count,
    told: async () => {
      await until('a change is told', () => count > seen)
      seen += 1
    },
  }
}

async function replace(file: string, content: string): Promise<void> {
  await writeFile(`${file}.new`, content)
  await rename(`${file}.new`, file)
}

test('a change in place is told', async (t) => {
  const file = join(await temporaryFolder(t), 'tls.crt')
  await writeFile(file, 'one')
  const { told } = await watchFiles(t, file)
  await writeFile(file, 'two')
  await told()
})

test('an atomic replacement is told, also the second one', async (t) => {
  const file = join(await temporaryFolder(t), 'tls.crt')
  await writeFile(file, 'one')
  const { told } = await watchFiles(t, file)
  await replace(file, 'two')
  await told()
  // A watch on the file itself would be blind by now.
  await replace(file, 'three')
  await told()
})

test('a change of what a link leads to is told, in a folder that nobody watches', async (t) => {
  const [folder, elsewhere] = [await temporaryFolder(t), await temporaryFolder(t)]
  await writeFile(join(elsewhere, 'dockgate.yml'), 'one')
  await symlink(join(elsewhere, 'dockgate.yml'), join(folder, 'dockgate.yml'))
  const { told } = await watchFiles(t, join(folder, 'dockgate.yml'))
  await replace(join(elsewhere, 'dockgate.yml'), 'two')
  await told()
})

test('a link that is swapped, as Kubernetes does with secrets, is told each time', async (t) => {
  const folder = await temporaryFolder(t)
  for (const version of ['one', 'two', 'three']) {
    await mkdir(join(folder, `..${version}`))
    await writeFile(join(folder, `..${version}`, 'tls.crt'), version)
  }
  await symlink('..one', join(folder, '..data'))
  await symlink('..data/tls.crt', join(folder, 'tls.crt'))
  const { told } = await watchFiles(t, join(folder, 'tls.crt'))
  for (const version of ['two', 'three']) {
    await symlink(`..${version}`, join(folder, '..data_tmp'))
    await rename(join(folder, '..data_tmp'), join(folder, '..data'))
    await told()
  }
})

test('a file that is deleted is told, and again when it is back', async (t) => {
  const file = join(await temporaryFolder(t), 'tls.crt')
  await writeFile(file, 'one')
  const { told } = await watchFiles(t, file)
  await rm(file)
  await told()
  await writeFile(file, 'one')
  await told()
})

test('files of several folders are watched', async (t) => {
  const files = [join(await temporaryFolder(t), 'tls.crt'), join(await temporaryFolder(t), 'tls.key')]
  for (const file of files) await writeFile(file, 'one')
  const { told } = await watchFiles(t, ...files)
  for (const file of files) {
    await writeFile(file, 'two')
    await told()
  }
})

test('what else happens in the folder, or leaves the content as it was, is not told', async (t) => {
  const folder = await temporaryFolder(t)
  const [file, other] = [join(folder, 'tls.crt'), join(folder, 'other')]
  await writeFile(file, 'one')
  const [watched, neighbour] = [await watchFiles(t, file), await watchFiles(t, other)]
  await replace(file, 'one')
  await writeFile(other, 'new')
  // Both have seen the same events.
  await neighbour.told()
  assert.equal(watched.count(), 0)
  await replace(file, 'two')
  await watched.told()
  assert.equal(watched.count(), 1)
})

test('a folder that is written to all the time does not hold a change back', async (t) => {
  const folder = await temporaryFolder(t)
  const file = join(folder, 'dockgate.yml')
  await writeFile(file, 'one')
  const { told } = await watchFiles(t, file)
  const noise = setInterval(() => void writeFile(join(folder, 'access.log'), 'a line'), 20)
  atEnd(t, () => clearInterval(noise))
  await writeFile(file, 'two')
  await told()
})

test('nothing is told after the watcher was closed', async (t) => {
  const folder = await temporaryFolder(t)
  const file = join(folder, 'tls.crt')
  await writeFile(file, 'one')
  const [closed, open] = [await watchFiles(t, file), await watchFiles(t, file)]
  await writeFile(file, 'two')
  closed.watcher.close()
  await open.told()
  assert.equal(closed.count(), 0)
})

test('other files are watched when it is told so, and no change of those before is lost', async (t) => {
  const [kept, dropped, added] = [
    join(await temporaryFolder(t), 'tls.crt'),
    join(await temporaryFolder(t), 'former.key'),
    join(await temporaryFolder(t), 'next.key'),
  ]
  for (const file of [kept, dropped, added]) await writeFile(file, 'one')
  const { watcher, told, count } = await watchFiles(t, kept, dropped)
  await writeFile(kept, 'two')
  assert.equal(await watcher.watch([kept, added]), true)
  await told()
  await writeFile(added, 'two')
  await told()
  await writeFile(dropped, 'two')
  await writeFile(kept, 'three')
  await told()
  assert.equal(count(), 3)
  assert.equal(await watcher.watch([added]), false)
})

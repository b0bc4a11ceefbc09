import assert from 'node:assert/strict'
import { mkdir, readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { test } from 'node:test'
import { lockFile, StoreBusyError, StoreLock, storeOwner } from '../../../src/core/bundled/store-lock.ts'
import { thisProcess } from '../../../src/storage/process-identity.ts'
import { temporaryFolder } from '../../support/scope.ts'

// No process has this pid: it is larger than any.
const DEAD_PID = 2 ** 30

async function plant(root: string, owner: object): Promise<void> {
  await mkdir(dirname(lockFile(root)), { recursive: true })
  await writeFile(lockFile(root), JSON.stringify(owner))
}

async function owner(identity: object): Promise<object> {
  const { pid, machine, startedAt } = await thisProcess()
  return { pid, host: 'here', process: { machine, pid, startedAt, id: 'of another', ...identity } }
}

test('a store is held by one process at a time, and is free when that lets go', async (t) => {
  const root = await temporaryFolder(t)
  const lock = await StoreLock.take(root)
  await assert.rejects(StoreLock.take(root), (error) => {
    assert.ok(error instanceof StoreBusyError)
    assert.match(error.message, new RegExp(`in use by process ${process.pid} on `))
    return true
  })
  await lock.release()
  assert.equal(await storeOwner(root), undefined)
  await (await StoreLock.take(root)).release()
})

test('the owner says how it is reached, in a file for its own account alone', async (t) => {
  const root = await temporaryFolder(t)
  const lock = await StoreLock.take(root)
  t.after(() => lock.release())
  assert.equal((await storeOwner(root))?.office, undefined)
  await lock.open({ url: 'http://127.0.0.1:1', token: 'secret' })
  assert.deepEqual((await storeOwner(root))?.office, { url: 'http://127.0.0.1:1', token: 'secret' })
  assert.equal((await stat(lockFile(root))).mode & 0o777, 0o600)
})

test('of many processes that find a dead lock, one takes it', async (t) => {
  const root = await temporaryFolder(t)
  await plant(root, await owner({ pid: DEAD_PID }))
  const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => StoreLock.take(root)))
  const taken = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
  assert.equal(taken.length, 1)
  await taken[0]?.release()
  assert.deepEqual(await readdir(dirname(lockFile(root))), ['lock.guard'])
})

test('a later process with the pid of a dead one is not taken for it', async (t) => {
  const root = await temporaryFolder(t)
  await plant(root, await owner({ startedAt: '1' }))
  assert.equal(await storeOwner(root), undefined)
  await (await StoreLock.take(root)).release()
})

test('a process of another machine holds the store for as long as it gives signs of life', async (t) => {
  const root = await temporaryFolder(t)
  await plant(root, { ...(await owner({ machine: 'another' })), host: 'another.example' })
  assert.equal((await storeOwner(root))?.host, 'another.example')
  const before = new Date(Date.now() - 120_000)
  await utimes(lockFile(root), before, before)
  assert.equal(await storeOwner(root), undefined)
})

test('what is no lock is replaced, and a lock that was taken over is not removed', async (t) => {
  const root = await temporaryFolder(t)
  await plant(root, ['not', 'a', 'lock'])
  const lock = await StoreLock.take(root)
  await writeFile(lockFile(root), 'of another')
  await lock.release()
  assert.equal(await readFile(lockFile(root), 'utf8'), 'of another')
})

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { test } from 'node:test'
import { ifAlone, whileAlone } from '../../src/storage/while-alone.ts'
import { temporaryFolder } from '../support/scope.ts'

test('who finds somebody at work for a file may leave it at that', async (t) => {
  const file = join(await temporaryFolder(t), 'guard')
  const work = Promise.withResolvers<string>()
  const first = ifAlone(file, () => work.promise)
  assert.equal(await ifAlone(file, () => Promise.resolve('second')), undefined)
  work.resolve('first')
  assert.equal(await first, 'first')
  assert.equal(await ifAlone(file, () => Promise.resolve('third')), 'third')
})

test('of many at work for one file, one is at a time', async (t) => {
  const file = join(await temporaryFolder(t), 'guard')
  let [working, most, done] = [0, 0, 0]
  const work = async () => {
    most = Math.max(most, (working += 1))
    await setImmediate()
    working -= 1
    done += 1
  }
  await Promise.all(Array.from({ length: 20 }, () => whileAlone(file, work)))
  assert.deepEqual({ most, done }, { most: 1, done: 20 })
})

test('work that fails lets the next one go on', async (t) => {
  const file = join(await temporaryFolder(t), 'guard')
  await assert.rejects(
    whileAlone(file, () => Promise.reject(new Error('failed'))),
    /^Error: failed$/,
  )
  assert.equal(await whileAlone(file, () => Promise.resolve('done')), 'done')
})

test('a process that is killed at work lets the next one go on', async (t) => {
  const file = join(await temporaryFolder(t), 'guard')
  const module = new URL('../../src/storage/while-alone.ts', import.meta.url).href
  const code = `import { whileAlone } from '${module}'
    await whileAlone('${file}', async () => { console.log('at work'); setInterval(() => {}, 1000); await new Promise(() => {}) })`
  const child = spawn(process.execPath, ['--input-type=module-typescript', '--eval', code])
  t.after(() => child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  let isAlone = false
  const waiting = whileAlone(file, async () => void (isAlone = true))
  await setImmediate()
  assert.equal(isAlone, false)
  child.kill('SIGKILL')
  await waiting
  assert.equal(isAlone, true)
})

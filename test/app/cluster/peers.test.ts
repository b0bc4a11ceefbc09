import assert from 'node:assert/strict'
import { fork, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { PrimaryPeers, type PrimaryPeersOptions } from '../../../src/app/cluster/primary-peers.ts'
import { until } from '../../support/until.ts'

interface Processes {
  readonly primary: PrimaryPeers
  readonly children: ReadonlyMap<string, ChildProcess>
  /** Messages that were sent to workers, each a batch. */
  readonly sent: () => number
}

/** A primary and workers of these names, all of which have joined. */
async function startPeers(
  t: TestContext,
  names: readonly string[],
  options: PrimaryPeersOptions = {},
): Promise<Processes> {
  const primary = new PrimaryPeers(options)
  const children = new Map<string, ChildProcess>()
  let sent = 0
  for (const id of names) {
    const child = fork(join(import.meta.dirname, 'peer-process.ts'), [id])
    children.set(id, child)
    const send = (batch: object) => {
      sent += 1
      child.send(batch, () => undefined)
    }
    primary.add({ id, send, end: () => void child.kill('SIGKILL') })
    child.on('message', (message) => primary.receive(id, message))
    child.on('error', () => undefined)
    child.on('close', () => primary.remove(id))
  }
  t.after(() => {
    primary.close()
    for (const child of children.values()) child.kill('SIGKILL')
  })
  await until(
    'all have joined',
    async () => (await primary.ask('echo', null)).length === names.length,
    30_000,
  )
  return { primary, children, sent: () => sent }
}

test('a question is answered by every other process, and names who asked', async (t) => {
  const { primary } = await startPeers(t, ['a', 'b'])
  primary.answer('echo', (question, from) => ['primary', question, from])
  assert.deepEqual(await primary.ask('echo', { n: 1 }), [
    ['a', { n: 1 }, 'primary'],
    ['b', { n: 1 }, 'primary'],
  ])
  assert.deepEqual(await primary.askWorker('a', 'ask all', 'echo'), [
    ['b', 'a', 'a'],
    ['primary', 'a', 'a'],
  ])
  assert.deepEqual(await primary.askWorker('b', 'ask primary', 'echo'), ['primary', 'b', 'b'])
  assert.deepEqual(await primary.askPrimary('echo', 2), ['primary', 2, 'primary'])
})

test('a topic that nobody answers is answered with null', async (t) => {
  const { primary } = await startPeers(t, ['a', 'b'])
  assert.deepEqual(await primary.ask('nothing', 1), [null, null])
  assert.deepEqual(await primary.askWorker('a', 'ask primary', 'nothing'), null)
  assert.equal(await primary.askWorker('nobody', 'echo', 1), undefined)
})

test('what one process refuses rejects the question, with its words', async (t) => {
  const { primary } = await startPeers(t, ['a', 'b'])
  await assert.rejects(primary.ask('refuse if', 'a'), { message: 'no, says a' })
  primary.answer('refuse', () => Promise.reject(new Error('the primary says no')))
  const others = { message: 'the primary says no' }
  await assert.rejects(primary.askWorker('a', 'ask all', 'refuse'), others)
  await assert.rejects(primary.askWorker('a', 'ask primary', 'refuse'), others)
  assert.deepEqual(await primary.ask('refuse if', 'nobody'), ['a', 'b'])
})

test('a process that crashes in the middle of a question is left out, and all learn that it is gone', async (t) => {
  const { primary } = await startPeers(t, ['a', 'b', 'c'])
  const gone: string[] = []
  primary.onGone((id) => gone.push(id))
  assert.deepEqual(await primary.ask('crash if', 'b'), ['a', 'c'])
  assert.deepEqual(gone, ['b'])
  assert.deepEqual(await primary.ask('heard', null), [['b'], ['b']])
  assert.equal(await primary.askWorker('b', 'echo', 1), undefined)
})

test('a process that stands still is ended, so that the question comes to an end', async (t) => {
  const { primary, children } = await startPeers(t, ['a', 'b'], { heartbeatMs: 50, mostSilent: 20 })
  assert.deepEqual(await primary.ask('stand still if', 'a'), ['b'])
  assert.equal(children.get('a')?.signalCode, 'SIGKILL')
  assert.equal(children.get('b')?.exitCode, null)
})

test('a process that lives but never answers is ended, too', async (t) => {
  const { primary } = await startPeers(t, ['a', 'b'], {
    heartbeatMs: 20,
    mostSilent: 500,
    mostUnanswered: 20,
  })
  assert.deepEqual(await primary.ask('never answer if', 'b'), ['a'])
})

test('what is told arrives in order, at everybody but the teller', async (t) => {
  const { primary } = await startPeers(t, ['a', 'b'])
  const here: unknown[] = []
  primary.answer('tell', (message) => {
    here.push(message)
    return null
  })
  const numbers = Array.from({ length: 500 }, (_, number) => number)
  await primary.askWorker('a', 'tell all', numbers.length)
  // Behind what was told, on the same channels.
  const [ofTeller, ofOther] = await primary.ask('heard', null)
  assert.deepEqual(here, numbers)
  assert.deepEqual(ofOther, numbers)
  assert.deepEqual(ofTeller, [])
})

test('a thousand questions at once are a handful of messages', async (t) => {
  const { primary, sent } = await startPeers(t, ['a', 'b'])
  const before = sent()
  const questions = Array.from({ length: 1000 }, (_, number) => primary.ask('echo', number))
  for (const [number, answers] of (await Promise.all(questions)).entries())
    assert.deepEqual(answers, [
      ['a', number, 'primary'],
      ['b', number, 'primary'],
    ])
  assert.ok(sent() - before < 20, `${sent() - before} messages`)
})

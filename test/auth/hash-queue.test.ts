import assert from 'node:assert/strict'
import { setImmediate as nextRound } from 'node:timers/promises'
import { test } from 'node:test'
import { AuthenticationBusyError } from '../../src/auth/authenticator.ts'
import { HashQueue, type HashQueueOptions } from '../../src/auth/hash-queue.ts'

interface Works {
  /** What has started, in that order. */
  readonly started: string[]
  /** What was refused. */
  readonly refused: string[]
  /** Enters `name` for a source; it starts when its turn comes and ends when all may end. */
  readonly add: (source: string, name: string) => void
  /** Lets everything end, one after the other, and waits for it. */
  readonly finish: () => Promise<void>
}

/** A queue in which one thing at a time is worked on, and nothing ends before the test says so. */
function worksOf(options: HashQueueOptions): Works {
  const queue = new HashQueue({ concurrency: 1, ...options })
  const [started, refused]: [string[], string[]] = [[], []]
  const gate = Promise.withResolvers<void>()
  const all: Promise<void>[] = []
  const add = (source: string, name: string): void => {
    const work = (): Promise<void> => {
      started.push(name)
      return gate.promise
    }
    const refuse = (error: unknown): void => {
      assert.ok(error instanceof AuthenticationBusyError)
      refused.push(name)
    }
    all.push(queue.run(work, source).catch(refuse))
  }
  const finish = async (): Promise<void> => {
    gate.resolve()
    await Promise.all(all)
  }
  return { started, refused, add, finish }
}

test('two are worked on at once, those of one source in the order they came', async () => {
  const queue = new HashQueue()
  const started: number[] = []
  const gates = [0, 1, 2, 3].map(() => Promise.withResolvers<void>())
  const all = gates.map((gate, index) =>
    queue.run(() => {
      started.push(index)
      return gate.promise.then(() => index)
    }),
  )
  assert.deepEqual(started, [0, 1])
  gates[1]?.resolve()
  await all[1]
  await nextRound()
  assert.deepEqual(started, [0, 1, 2])
  for (const gate of gates) gate.resolve()
  assert.deepEqual(await Promise.all(all), [0, 1, 2, 3])
})

test('sources take turns, however much one of them asks for', async () => {
  const { started, add, finish } = worksOf({})
  for (const name of ['guess 1', 'guess 2', 'guess 3', 'guess 4']) add('guesser', name)
  add('alice', 'login of alice')
  add('bob', 'login of bob')
  await finish()
  assert.deepEqual(started, ['guess 1', 'guess 2', 'login of alice', 'login of bob', 'guess 3', 'guess 4'])
})

test('one source waits for a few at most, and others still find room', async () => {
  const { started, refused, add, finish } = worksOf({ maxWaitingPerSource: 2 })
  for (const name of ['guess 1', 'guess 2', 'guess 3', 'guess 4', 'guess 5']) add('guesser', name)
  add('alice', 'login')
  await finish()
  assert.deepEqual(refused, ['guess 4', 'guess 5'])
  assert.deepEqual(started, ['guess 1', 'guess 2', 'login', 'guess 3'])
})

test('in a full queue the source that waits for most makes room for one that waits for less', async () => {
  const { started, refused, add, finish } = worksOf({ maxWaiting: 3 })
  for (const name of ['guess 1', 'guess 2', 'guess 3', 'guess 4']) add('guesser', name)
  add('alice', 'login of alice')
  add('alice', 'second of alice')
  add('bob', 'login of bob')
  await finish()
  assert.deepEqual(refused.toSorted(), ['guess 3', 'guess 4', 'second of alice'])
  assert.deepEqual(started, ['guess 1', 'guess 2', 'login of alice', 'login of bob'])
})

test('what comes when too much waits is refused at once', async () => {
  const queue = new HashQueue({ concurrency: 1, maxWaiting: 1 })
  const gate = Promise.withResolvers<void>()
  const first = queue.run(() => gate.promise)
  const second = queue.run(() => gate.promise)
  await assert.rejects(
    queue.run(() => gate.promise),
    AuthenticationBusyError,
  )
  await assert.rejects(
    queue.run(() => gate.promise, 'another source'),
    AuthenticationBusyError,
  )
  gate.resolve()
  await Promise.all([first, second])
  assert.equal(await queue.run(() => Promise.resolve('free again')), 'free again')
})

test('work that fails gives its place back', async () => {
  const queue = new HashQueue({ concurrency: 1, maxWaiting: 0 })
  await assert.rejects(
    queue.run(() => Promise.reject(new Error('broken'))),
    /broken/,
  )
  assert.equal(await queue.run(() => Promise.resolve(1)), 1)
})

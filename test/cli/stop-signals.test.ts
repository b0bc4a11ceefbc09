import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { mock, test } from 'node:test'
import { runUntilStopped } from '../../src/cli/stop-signals.ts'

function service() {
  const closing = Promise.withResolvers<void>()
  const failing = Promise.withResolvers<never>()
  return {
    close: mock.fn(() => closing.promise),
    reload: mock.fn(() => Promise.resolve()),
    restart: mock.fn(() => Promise.resolve()),
    failed: failing.promise,
    closing,
    fail: failing.reject,
  }
}

function run(started: ReturnType<typeof service>) {
  const signals = new EventEmitter()
  const stopNow = mock.fn()
  const ready = Promise.withResolvers<void>()
  const onStarted = () => ready.resolve()
  const ended = runUntilStopped(() => Promise.resolve(started), { signals, onStarted, stopNow })
  return { signals, stopNow, ended, ready: ready.promise }
}

test('SIGTERM closes the service and ends when it has closed', async () => {
  const started = service()
  const { signals, stopNow, ended, ready } = run(started)
  await ready
  signals.emit('SIGTERM')
  started.closing.resolve()
  await ended
  assert.equal(started.close.mock.callCount(), 1)
  assert.equal(stopNow.mock.callCount(), 0)
  assert.deepEqual(signals.eventNames(), [])
})

test('a second signal stops at once, but not the echo of the first that npm sends', async (t) => {
  t.mock.method(performance, 'now', () => 1000)
  const started = service()
  const { signals, stopNow, ended, ready } = run(started)
  await ready
  signals.emit('SIGINT')
  signals.emit('SIGINT')
  assert.equal(stopNow.mock.callCount(), 0)
  t.mock.method(performance, 'now', () => 2000)
  signals.emit('SIGTERM')
  assert.equal(stopNow.mock.callCount(), 1)
  started.closing.resolve()
  await ended
})

test('SIGHUP reloads, and means nothing while the service starts', async () => {
  const started = service()
  const { signals, ended, ready } = run(started)
  signals.emit('SIGHUP')
  await ready
  assert.equal(started.reload.mock.callCount(), 0)
  signals.emit('SIGHUP')
  assert.equal(started.reload.mock.callCount(), 1)
  signals.emit('SIGTERM')
  started.closing.resolve()
  await ended
})

test('SIGUSR2 replaces the workers', async () => {
  const started = service()
  const { signals, ended, ready } = run(started)
  await ready
  signals.emit('SIGUSR2')
  assert.equal(started.restart.mock.callCount(), 1)
  signals.emit('SIGTERM')
  started.closing.resolve()
  await ended
})

test('a service that can not go on is closed, and the reason is told to the caller', async () => {
  const started = service()
  const { ended, ready } = run(started)
  await ready
  started.closing.resolve()
  started.fail(new Error('no worker can be started'))
  await assert.rejects(ended, { message: 'no worker can be started' })
  assert.equal(started.close.mock.callCount(), 1)
})

test('a stop that comes while the service starts closes it as soon as it has', async () => {
  const started = service()
  const { signals, ended } = run(started)
  signals.emit('SIGTERM')
  started.closing.resolve()
  await ended
  assert.equal(started.close.mock.callCount(), 1)
})

test('a service that does not start is told to the caller', async () => {
  const signals = new EventEmitter()
  const start = () => Promise.reject(new Error('the port is in use'))
  const options = { signals, onStarted: assert.fail, stopNow: assert.fail }
  await assert.rejects(runUntilStopped(start, options), { message: 'the port is in use' })
  assert.deepEqual(signals.eventNames(), [])
})

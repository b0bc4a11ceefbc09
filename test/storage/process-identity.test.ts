import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { test, type TestContext } from 'node:test'
import { livenessOf, thisProcess, type ProcessIdentity } from '../../src/storage/process-identity.ts'
import { atEnd } from '../support/scope.ts'
import { until } from '../support/until.ts'

/** A process whose parent never looks after it. */
async function startNeglected(t: TestContext): Promise<ProcessIdentity> {
  const parent = spawn('sh', ['-c', 'sleep 60 & echo $!; exec sleep 60'], {
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  atEnd(t, () => void process.kill(-(parent.pid ?? 0), 'SIGKILL'))
  const [text] = (await once(parent.stdout, 'data')) as [Buffer]
  const pid = Number(text.toString())
  const [, fields = ''] = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')
  const { machine } = await thisProcess()
  return { machine, pid, id: 'another', startedAt: fields.split(' ')[19] ?? '' }
}

const stateOf = async ({ pid }: ProcessIdentity) =>
  (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]?.at(0)

test('a process that was killed is gone, also before its parent has looked after it', async (t) => {
  const neglected = await startNeglected(t)
  assert.equal(await livenessOf(neglected), 'running')
  process.kill(neglected.pid, 'SIGKILL')
  await until('it is a zombie', async () => (await stateOf(neglected)) === 'Z')
  assert.equal(await livenessOf(neglected), 'gone')
})

test('a later process of the same number is another one', async (t) => {
  const running = await startNeglected(t)
  assert.equal(await livenessOf({ ...running, startedAt: '1' }), 'gone')
})

test('this process is known by its identity, one of another machine by nothing', async () => {
  const self = await thisProcess()
  assert.equal(await livenessOf(self), 'self')
  assert.equal(await livenessOf({ ...self, id: 'another', machine: 'elsewhere' }), 'unknown')
})

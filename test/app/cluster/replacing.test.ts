import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { once } from 'node:events'
import { Agent } from 'node:https'
import { writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { digestOf } from '../../../src/oci/digest.ts'
import { startGateway, writeConfig, type RunningGateway } from '../../support/gateway.ts'
import { send } from '../../support/http.ts'
import { until as untilWithin } from '../../support/until.ts'
import { workersOf } from '../../support/workers.ts'

/** Several processes start at once, on a machine that may be busy. */
const START_MS = 60_000

const until: typeof untilWithin = (what, condition) => untilWithin(what, condition, START_MS)

const alice = { account: { username: 'alice', password: 'alice-secret' } }

const isLogged = (gateway: RunningGateway, text: string): boolean =>
  gateway.log().some(({ msg }) => String(msg).startsWith(text))

/** The signal is for the primary; a terminal sends it to all. */
const replaceWorkers = ({ program }: RunningGateway): void => program.signal('SIGUSR2')

async function areReplaced(gateway: RunningGateway, before: readonly number[]): Promise<boolean> {
  const now = await workersOf(gateway)
  return now.length === before.length && !now.some((pid) => before.includes(pid))
}

test('while the workers are replaced no request fails, on kept and on new connections, and a push ends well', async (t) => {
  const gateway = await startGateway(t, { config: { workers: 2 } })
  const { url, ca } = gateway
  const before = await workersOf(gateway)
  const start = await send(`${url}/v2/team-a/app/blobs/uploads/`, { method: 'POST', ca, ...alice })
  const body = new Readable({ read() {} })
  body.push('hello ')
  const target = `${start.headers.location}?digest=${digestOf('hello world')}`
  const push = send(target, { method: 'PUT', ca, body, ...alice })
  let isOver = false
  t.after(() => {
    isOver = true
  })
  const keepAsking = async (agent?: Agent): Promise<number> => {
    let answered = 0
    while (!isOver) {
      const answer = await send(`${url}/v2/`, { ca, ...alice, ...(agent ? { agent } : {}) })
      assert.equal(answer.status, 200)
      answered += 1
      await pause(5)
    }
    return answered
  }
  const kept = [new Agent({ keepAlive: true, maxSockets: 1 }), new Agent({ keepAlive: true, maxSockets: 1 })]
  t.after(() => kept.forEach((agent) => agent.destroy()))
  const asking = Promise.all([...kept.map(keepAsking), keepAsking()])
  replaceWorkers(gateway)
  await until('new workers serve', () => isLogged(gateway, 'workers replaced'))
  body.push('world')
  body.push(null)
  assert.equal((await push).status, 201)
  await until('the old ones have left', () => areReplaced(gateway, before))
  isOver = true
  for (const answered of await asking) assert.ok(answered > 0)
})

test('a changed section that is fixed replaces the workers by itself', async (t) => {
  const gateway = await startGateway(t, { config: { workers: 2 } })
  const before = await workersOf(gateway)
  await writeConfig(gateway.configFile, { workers: 3, limits: { idleTimeout: '1m' } })
  await until('three others serve', async () => {
    const now = await workersOf(gateway)
    return now.length === 3 && !now.some((pid) => before.includes(pid))
  })
  assert.equal((await send(`${gateway.url}/v2/`, { ca: gateway.ca, ...alice })).status, 200)
})

test('workers stay when the new configuration is not valid, or new ones can not start by it', async (t) => {
  const gateway = await startGateway(t, { config: { workers: 2 } })
  const before = await workersOf(gateway)
  const taken = createServer()
  taken.listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.after(() => void taken.close())
  const { port } = taken.address() as AddressInfo
  await writeConfig(gateway.configFile, { workers: 2, listen: [{ address: `127.0.0.1:${port}` }] })
  const refused = await until('the log says why', () =>
    gateway.log().find(({ msg }) => String(msg).startsWith('not restarted')),
  )
  assert.match(JSON.stringify(refused), /the port is in use/)
  await writeFile(gateway.configFile, 'workers: [')
  await until('that is refused, too', () => isLogged(gateway, 'not reloaded'))
  replaceWorkers(gateway)
  await until(
    'the log says so',
    () => gateway.log().filter(({ msg }) => String(msg).startsWith('not restarted')).length === 2,
  )
  await until('no other process is left', async () => (await workersOf(gateway)).length === 2)
  assert.deepEqual(await workersOf(gateway), before)
  assert.equal((await send(`${gateway.url}/v2/`, { ca: gateway.ca, ...alice })).status, 200)
})

test('what the primary itself was started with is named as needing a restart', async (t) => {
  const gateway = await startGateway(t, { config: { workers: 2 } })
  const before = await workersOf(gateway)
  await writeConfig(gateway.configFile, {
    workers: 2,
    stores: { main: { filesystem: { root: 'elsewhere' } } },
  })
  const line = await until('the log says so', () =>
    gateway.log().find((each) => each['sections'] !== undefined),
  )
  assert.deepEqual(line['sections'], ['stores'])
  assert.deepEqual(await workersOf(gateway), before)
})

test('a grant that is withdrawn is gone in every worker, and the log tells it once', async (t) => {
  const gateway = await startGateway(t, { config: { workers: 3 } })
  const push = () =>
    send(`${gateway.url}/v2/team-a/app/blobs/uploads/`, { method: 'POST', ca: gateway.ca, ...alice })
  assert.equal((await push()).status, 202)
  await writeConfig(gateway.configFile, {
    workers: 3,
    access: [{ repositories: ['**'], pull: ['$authenticated'] }],
  })
  await until('the grant is gone', async () => (await push()).status === 403)
  await until('it is told', () => gateway.log().some((line) => line['what'] === 'certificates'))
  for (let turn = 0; turn < 6; turn += 1) assert.equal((await push()).status, 403)
  const told = gateway.log().filter((line) => line.msg === 'reloaded' && line['what'] === 'grants')
  assert.equal(told.length, 1)
})

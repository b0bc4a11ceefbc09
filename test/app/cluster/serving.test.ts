import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { startGateway, type RunningGateway } from '../../support/gateway.ts'
import { send } from '../../support/http.ts'
import { until } from '../../support/until.ts'

const alice = { account: { username: 'alice', password: 'alice-secret' } }

async function metrics({ adminUrl }: RunningGateway): Promise<string> {
  return (await send(`${adminUrl}/metrics`)).text()
}

/** The sum of a metric over its labels; `labels` is a part of them. */
function sumOf(text: string, name: string, labels = ''): number {
  const values = text
    .split('\n')
    .filter((line) => line.startsWith(name) && line.includes(labels))
    .map((line) => Number(line.slice(line.lastIndexOf(' ') + 1)))
  return values.reduce((sum, value) => sum + value, 0)
}

/** Process ids of the workers. */
async function workersOf({ program }: RunningGateway): Promise<number[]> {
  const children = await readFile(`/proc/${program.pid}/task/${program.pid}/children`, 'utf8')
  return children.trim().split(' ').map(Number)
}

test('two workers serve one address, their metrics are one, and SIGTERM ends all of them with 0', async (t) => {
  const gateway = await startGateway(t, { config: { workers: 2 } })
  const ask = () => send(`${gateway.url}/v2/`, { ca: gateway.ca, ...alice })
  for (let asked = 0; asked < 4; asked += 1) assert.equal((await ask()).status, 200)
  const text = await metrics(gateway)
  assert.equal(sumOf(text, 'dockgate_http_requests_total', 'status="200"'), 4)
  for (const worker of ['primary', '1', '2'])
    assert.ok(sumOf(text, 'process_resident_memory_bytes', `worker="${worker}"`) > 0)
  const pids = await workersOf(gateway)
  assert.equal(pids.length, 2)
  assert.equal(gateway.program.log().split('dockgate listens on').length, 2, 'the start text is told once')
  assert.equal((await gateway.program.stop()).code, 0)
  for (const pid of pids) assert.throws(() => process.kill(pid, 0))
  const answered = gateway.log().filter((line) => line.msg === 'request' && line['status'] === 200)
  assert.equal(answered.length, 4, 'every line has arrived')
})

test('a worker that is killed is replaced, a transfer of the other goes on, and nothing that was counted is lost', async (t) => {
  const gateway = await startGateway(t, { config: { workers: 2 } })
  const ask = () => send(`${gateway.url}/v2/`, { ca: gateway.ca, ...alice })
  for (let asked = 0; asked < 4; asked += 1) await ask()
  assert.equal(sumOf(await metrics(gateway), 'dockgate_http_requests_total', 'status="200"'), 4)
  const [first = 0, second] = await workersOf(gateway)
  process.kill(first, 'SIGKILL')
  await until('another worker has taken its place', async () => {
    const pids = await workersOf(gateway)
    return pids.length === 2 && pids.includes(second ?? 0) && !pids.includes(first)
  })
  const ended = await until('the log tells', () =>
    gateway.log().find((line) => String(line.msg).startsWith('worker ended')),
  )
  assert.equal(ended['reason'], 'SIGKILL')
  await until('it is counted', async () =>
    /process_resident_memory_bytes{worker="1"}/.test(await metrics(gateway)),
  )
  assert.equal(sumOf(await metrics(gateway), 'dockgate_http_requests_total', 'status="200"'), 4)
  assert.equal((await ask()).status, 200)
  assert.equal((await gateway.program.stop()).code, 0)
})

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { copyFile, readdir, readlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { digestOf } from '../../../src/oci/digest.ts'
import { makeCertificate } from '../../support/certificates.ts'
import { startGateway, type RunningGateway } from '../../support/gateway.ts'
import { send, type Answer } from '../../support/http.ts'
import { temporaryFolder } from '../../support/scope.ts'
import { until as untilWithin } from '../../support/until.ts'
import { metricsOf, sumOf, workersOf } from '../../support/workers.ts'

/** Several processes start at once, on a machine that may be busy. */
const START_MS = 60_000

const until: typeof untilWithin = (what, condition) => untilWithin(what, condition, START_MS)

const alice = { account: { username: 'alice', password: 'alice-secret' } }

test('two workers serve one address, their metrics are one, and SIGTERM ends all of them with 0', async (t) => {
  const gateway = await startGateway(t, { config: { workers: 2 } })
  const ask = () => send(`${gateway.url}/v2/`, { ca: gateway.ca, ...alice })
  for (let asked = 0; asked < 4; asked += 1) assert.equal((await ask()).status, 200)
  const text = await metricsOf(gateway)
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

test('a worker that is killed is replaced, and nothing that was counted is lost', async (t) => {
  const gateway = await startGateway(t, { config: { workers: 2 } })
  const ask = () => send(`${gateway.url}/v2/`, { ca: gateway.ca, ...alice })
  for (let asked = 0; asked < 4; asked += 1) await ask()
  assert.equal(sumOf(await metricsOf(gateway), 'dockgate_http_requests_total', 'status="200"'), 4)
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
    /process_resident_memory_bytes{worker="1"}/.test(await metricsOf(gateway)),
  )
  assert.equal(sumOf(await metricsOf(gateway), 'dockgate_http_requests_total', 'status="200"'), 4)
  assert.equal((await ask()).status, 200)
  assert.equal((await gateway.program.stop()).code, 0)
})

test('transfers of other workers go on when one crashes', async (t) => {
  const gateway = await startGateway(t, { config: { workers: 2 } })
  const workers = await workersOf(gateway)
  const before = await Promise.all(workers.map(socketsOf))
  const pushes: Push[] = []
  await until('both workers have some', async () => {
    pushes.push(await beginPush(gateway))
    // Where connections are handed out in turn, the next push is not to meet the same worker.
    await send(`${gateway.url}/v2/`, { ca: gateway.ca })
    await until('it has arrived', async () => (await inFlight(gateway)) === pushes.length)
    const now = await Promise.all(workers.map(socketsOf))
    return now.every((count, index) => count > (before[index] ?? 0))
  })
  const outcomes = Promise.allSettled(pushes.map(({ answer }) => answer))
  const [first = 0] = workers
  process.kill(first, 'SIGKILL')
  await until('it is told', () => gateway.log().some((line) => line['reason'] === 'SIGKILL'))
  for (const { finish } of pushes) finish()
  const states = (await outcomes).map((each) =>
    each.status === 'fulfilled' ? String(each.value.status) : 'cut',
  )
  assert.deepEqual([...new Set(states)].toSorted(), ['201', 'cut'])
})

test('a session of one worker is resumed by every other', async (t) => {
  const gateway = await startGateway(t, { config: { workers: 2 } })
  const { hostname: host, port } = new URL(gateway.url)
  const connect = async (session?: Buffer) => {
    const socket = connectTls({ host, port: Number(port), ca: gateway.ca, ...(session ? { session } : {}) })
    const ticket = new Promise<Buffer>((resolve) => socket.once('session', resolve))
    // Tickets come behind the handshake, with what is read (RFC 8446 §4.6.1).
    socket.resume()
    await once(socket, 'secureConnect')
    return { socket, ticket, isResumed: socket.isSessionReused() }
  }
  const first = await connect()
  assert.equal(first.isResumed, false)
  const ticket = await first.ticket
  first.socket.destroy()
  // Side by side: the one worker is busy with one while the other takes the next.
  const others = await Promise.all(Array.from({ length: 8 }, () => connect(ticket)))
  for (const { socket, isResumed } of others) {
    assert.equal(isResumed, true)
    socket.destroy()
  }
})

test('a gateway whose workers can not be started any more ends with the reason', async (t) => {
  const folder = await temporaryFolder(t)
  const { certificate, key } = await makeCertificate(t)
  await copyFile(certificate, join(folder, 'tls.crt'))
  await copyFile(key, join(folder, 'tls.key'))
  const tls = { certificate: 'tls.crt', key: 'tls.key' }
  const config = { workers: 2, listen: [{ address: '127.0.0.1:0', tls }] }
  const gateway = await startGateway(t, { folder, config })
  await writeFile(join(folder, 'tls.crt'), 'not a certificate')
  for (const pid of await workersOf(gateway)) process.kill(pid, 'SIGKILL')
  assert.equal((await gateway.program.exited).code, 1)
  assert.match(gateway.program.log(), /^dockgate: no worker can be started: .*tls\.crt/m)
})

test('a second SIGTERM ends the workers at once, too', async (t) => {
  const gateway = await startGateway(t, { config: { workers: 2 } })
  const { answer } = await beginPush(gateway)
  const cut = assert.rejects(answer)
  await until('it has arrived', async () => (await inFlight(gateway)) === 1)
  const pids = await workersOf(gateway)
  gateway.program.signal('SIGTERM')
  // One press of Ctrl-C arrives twice below npm: what follows within half a second is the same one.
  await until('it has ended', () => {
    if (isGone(gateway.program.pid)) return true
    process.kill(gateway.program.pid, 'SIGTERM')
    return false
  })
  assert.equal((await gateway.program.exited).code, 1)
  for (const pid of pids) await until('the worker is gone', () => isGone(pid))
  await cut
})

interface Push {
  readonly answer: Promise<Answer>
  readonly finish: () => void
}

/** A push that goes on until it is finished. */
async function beginPush({ url, ca }: RunningGateway): Promise<Push> {
  const start = await send(`${url}/v2/team-a/app/blobs/uploads/`, { method: 'POST', ca, ...alice })
  const body = new Readable({ read() {} })
  body.push('hello ')
  const target = `${start.headers.location}?digest=${digestOf('hello world')}`
  const finish = () => {
    body.push('world')
    body.push(null)
  }
  return { finish, answer: send(target, { method: 'PUT', ca, body, ...alice }) }
}

/** How many sockets a process has open. */
async function socketsOf(pid: number): Promise<number> {
  const names = await readdir(`/proc/${pid}/fd`)
  const links = await Promise.all(names.map((name) => readlink(`/proc/${pid}/fd/${name}`).catch(() => '')))
  return links.filter((link) => link.startsWith('socket:')).length
}

async function inFlight(gateway: RunningGateway): Promise<number> {
  return sumOf(await metricsOf(gateway), 'dockgate_http_requests_in_flight')
}

function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return false
  } catch {
    return true
  }
}

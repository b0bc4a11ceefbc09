import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { OCI_INDEX } from '../../src/oci/media-type.ts'
import { startGateway, type RunningGateway } from '../support/gateway.ts'
import { send } from '../support/http.ts'
import { startRedis } from '../support/redis.ts'
import { temporaryFolder } from '../support/scope.ts'
import { until } from '../support/until.ts'

const alice = { account: { username: 'alice', password: 'alice-secret' } }
const indexOf = (note: string) =>
  JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [], annotations: { note } })

/** A gateway on a store that others may share, with Redis as its second cache level. */
async function startNode(
  t: TestContext,
  redis: string,
  root: string,
  more: object = {},
): Promise<RunningGateway> {
  return startGateway(t, {
    config: { stores: { main: { filesystem: { root } } }, cache: { redis: { url: redis } }, ...more },
  })
}

async function push({ url, ca }: RunningGateway, note: string, tag = 'latest'): Promise<string> {
  const answer = await send(`${url}/v2/team-a/app/manifests/${tag}`, {
    method: 'PUT',
    ca,
    body: indexOf(note),
    headers: { 'content-type': OCI_INDEX },
    ...alice,
  })
  assert.equal(answer.status, 201)
  return String(answer.headers['docker-content-digest'])
}

/** For a look at what the nodes keep there. */
function connect(t: TestContext, url: string): Redis {
  const client = new Redis(url)
  t.after(() => client.disconnect())
  return client
}

const pull = ({ url, ca }: RunningGateway, reference = 'latest') =>
  send(`${url}/v2/team-a/app/manifests/${reference}`, { ca, ...alice })

test('what one node pushed or deleted, another node that shares store and Redis answers at once', async (t) => {
  const [redis, root] = [await startRedis(t), await temporaryFolder(t)]
  const [writer, reader] = [await startNode(t, redis.url, root), await startNode(t, redis.url, root)]
  for (let round = 0; round < 20; round++) {
    // The reader remembers the tag, then the writer moves it.
    if (round > 0) await pull(reader)
    const digest = await push(writer, `round ${round}`)
    assert.equal((await pull(reader)).headers['docker-content-digest'], digest)
  }
  const last = String((await pull(reader)).headers['docker-content-digest'])
  await send(`${writer.url}/v2/team-a/app/manifests/${last}`, { method: 'DELETE', ca: writer.ca, ...alice })
  assert.equal((await pull(reader)).status, 404)
})

test('a node finds in Redis the manifest that another one read', async (t) => {
  const [redis, root] = [await startRedis(t), await temporaryFolder(t)]
  const [first, second] = [await startNode(t, redis.url, root), await startNode(t, redis.url, root)]
  await push(first, 'shared')
  await until('the second node is served by Redis', async () => {
    await pull(first)
    return (await pull(second)).headers['x-cache'] === 'hit-shared'
  })
})

test('while Redis is frozen, hardly any pull waits for it', async (t) => {
  const [redis, root] = [await startRedis(t), await temporaryFolder(t)]
  // Each process has a memory of its own, and trusts it for its own time.
  const node = await startNode(t, redis.url, root, { workers: 1 })
  const client = connect(t, redis.url)
  const digest = await push(node, 'before')
  const cache = async () => (await pull(node)).headers['x-cache']
  await until('memory is trusted', async () => (await cache()) === 'hit')
  await client.config('RESETSTAT')
  redis.freeze()
  // A node that Redis does not hear of trusts its own memory up to two seconds longer; then each pull would like to ask Redis.
  // Redis may have answered just before, so that a miss before then is no sign.
  await pause(2_000)
  await until('memory is not trusted any more', async () => (await cache()) === 'miss')
  for (let count = 0; count < 40; count++) {
    const { headers } = await pull(node)
    assert.deepEqual([headers['docker-content-digest'], headers['x-cache']], [digest, 'miss'])
  }
  redis.thaw()
  await client.ping() // what the node has sent before is counted by now
  const [, asked = '0'] = /cmdstat_get:calls=(\d+)/.exec(await client.info('commandstats')) ?? []
  // A command is given up after a fraction of a second, and then none is sent for a second.
  assert(Number(asked) < 10, `${asked} commands were sent to a Redis that does not answer`)
})

test('requests go on while Redis is frozen, killed, and back', async (t) => {
  const [redis, root] = [await startRedis(t), await temporaryFolder(t)]
  const node = await startNode(t, redis.url, root)
  const digest = await push(node, 'before')
  await pull(node)
  redis.freeze()
  assert.equal((await pull(node)).headers['docker-content-digest'], digest)
  const frozen = await push(node, 'while frozen')
  assert.equal((await pull(node)).headers['docker-content-digest'], frozen)
  redis.thaw()
  await redis.kill()
  assert.equal((await pull(node)).headers['docker-content-digest'], frozen)
  const killed = await push(node, 'while killed')
  assert.equal((await pull(node)).headers['docker-content-digest'], killed)
  await redis.restart()
  const back = await push(node, 'back')
  assert.equal((await pull(node)).headers['docker-content-digest'], back)
})

test('bytes in Redis that are not those of the digest are never served', async (t) => {
  const [redis, root] = [await startRedis(t), await temporaryFolder(t)]
  const [writer, reader] = [await startNode(t, redis.url, root), await startNode(t, redis.url, root)]
  const client = connect(t, redis.url)
  const monitor = await client.monitor()
  t.after(() => monitor.disconnect())
  const commands: string[] = []
  monitor.on('monitor', (_time, words: string[]) => commands.push(words.join(' ').toLowerCase()))
  const forged: string[] = []
  await until('the reader has looked at the forged bytes', async () => {
    // Each round has a manifest that the reader has not seen; it learns of the digest, and so of the bytes, from Redis.
    const note = `round ${forged.length}`
    const key = `dockgate:manifest:${await push(writer, note)}`
    await pull(writer)
    await until('the manifest is in Redis', () => client.exists(key))
    await client.set(key, `${OCI_INDEX}\n${indexOf('forged')}`)
    forged.push(key)
    assert.equal((await pull(reader)).text(), indexOf(note))
    return forged.some((each) => commands.includes(`get ${each}`))
  })
})

test('a Redis that was never there does not keep the gateway from starting or serving', async (t) => {
  const node = await startNode(t, 'redis://127.0.0.1:1/0', await temporaryFolder(t))
  const digest = await push(node, 'alone')
  assert.equal((await pull(node)).headers['docker-content-digest'], digest)
})

test('two stores that share a Redis know nothing of each other', async (t) => {
  const redis = await startRedis(t)
  const [first, second] = [
    await startNode(t, redis.url, await temporaryFolder(t)),
    await startNode(t, redis.url, await temporaryFolder(t)),
  ]
  await push(first, 'private')
  for (let round = 0; round < 3; round++) {
    assert.equal((await pull(first)).status, 200)
    assert.equal((await pull(second)).status, 404)
  }
})

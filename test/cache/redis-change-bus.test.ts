import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { RedisChangeBus } from '../../src/cache/redis-change-bus.ts'
import { RedisLink } from '../../src/cache/redis-link.ts'
import type { Change } from '../../src/cache/change-bus.ts'
import { startRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'

async function joined(t: TestContext, url: string): Promise<RedisChangeBus> {
  const link = new RedisLink({ url })
  const bus = new RedisChangeBus(link)
  t.after(async () => {
    await bus.close()
    await link.close()
  })
  await until('registered', () => bus.lease() > 0)
  return bus
}

test('a change has reached every other process when the announcement resolves', async (t) => {
  const { url } = await startRedis(t)
  const [writer, first, second] = [await joined(t, url), await joined(t, url), await joined(t, url)]
  const heard: [string, Change][] = []
  first.subscribe((change) => heard.push(['first', change]))
  second.subscribe((change) => heard.push(['second', change]))
  await writer.announce({ topic: 'main|a/b', item: 'latest' })
  assert.deepEqual(heard.map(([who]) => who).toSorted(), ['first', 'second'])
  assert.equal(heard[0]?.[1].topic, 'main|a/b')
  assert.equal(heard[0]?.[1].item, 'latest')
})

test('a writer does not hear its own change', async (t) => {
  const { url } = await startRedis(t)
  const writer = await joined(t, url)
  writer.subscribe(() => assert.fail('heard itself'))
  await writer.announce({ topic: 'main|a/b' })
})

test('each change counts its topic up, and no other topic', async (t) => {
  const { url } = await startRedis(t)
  const [writer, reader] = [await joined(t, url), await joined(t, url)]
  const before = await reader.generation('main|a/b')
  const other = await reader.generation('main|c')
  await writer.announce({ topic: 'main|a/b' })
  assert.notEqual(await reader.generation('main|a/b'), before)
  assert.equal(await reader.generation('main|c'), other)
})

test('a process that cannot hear changes has no lease, and the generation is unknown to it', async (t) => {
  const redis = await startRedis(t)
  const bus = await joined(t, redis.url)
  redis.freeze()
  await until('cut off', () => bus.lease() === 0)
  assert.equal(await bus.generation('main|a/b'), undefined)
})

test('a change that cannot be announced outlasts the lease of whoever missed it', async (t) => {
  const redis = await startRedis(t)
  const [writer, reader] = [await joined(t, redis.url), await joined(t, redis.url)]
  redis.freeze()
  await writer.announce({ topic: 'main|a/b' })
  assert.equal(reader.lease(), 0)
})

test('a process that left is not waited for', async (t) => {
  const { url } = await startRedis(t)
  const writer = await joined(t, url)
  const link = new RedisLink({ url })
  const left = new RedisChangeBus(link)
  await until('registered', () => left.lease() > 0)
  await left.close()
  await link.close()
  const answered = await Promise.race([
    writer.announce({ topic: 'main|a/b' }).then(() => 'announced'),
    new Promise((resolve) => setTimeout(resolve, 1_500, 'still waiting').unref()),
  ])
  assert.equal(answered, 'announced')
})

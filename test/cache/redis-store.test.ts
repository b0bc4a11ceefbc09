import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { RedisLink } from '../../src/cache/redis-link.ts'
import { RedisStore } from '../../src/cache/redis-store.ts'
import { startRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'

async function connected(t: TestContext, url: string): Promise<{ link: RedisLink; store: RedisStore }> {
  const link = new RedisLink({ url })
  const store = new RedisStore(link)
  t.after(() => store.close())
  await until('connected', () => link.isUp)
  return { link, store }
}

test('bytes come back as they were kept, until their time is over', async (t) => {
  const { store } = await connected(t, (await startRedis(t)).url)
  const bytes = new Uint8Array([0, 255, 10, 13, 128])
  await store.set('a', bytes, { ttlMs: 60_000 })
  assert.deepEqual(new Uint8Array((await store.get('a')) ?? []), bytes)
  await store.set('b', bytes, { ttlMs: 20 })
  await until('changed', async () => (await store.get('b')) === undefined)
})

test('a deleted key is a miss', async (t) => {
  const { store } = await connected(t, (await startRedis(t)).url)
  await store.set('a', new Uint8Array([1]), { ttlMs: 60_000 })
  await store.delete('a')
  assert.equal(await store.get('a'), undefined)
})

test('a frozen Redis is a miss, and is not asked again for a while', async (t) => {
  const redis = await startRedis(t)
  const { link, store } = await connected(t, redis.url)
  await store.set('a', new Uint8Array([1]), { ttlMs: 60_000 })
  redis.freeze()
  assert.equal(await store.get('a'), undefined)
  assert.equal(link.isUp, false)
  assert.equal(await store.get('a'), undefined)
  redis.thaw()
  await until('changed', async () => (await store.get('a')) !== undefined)
})

test('a Redis that was killed is a miss, and is used again when it is back', async (t) => {
  const redis = await startRedis(t)
  const { store } = await connected(t, redis.url)
  await redis.kill()
  assert.equal(await store.get('a'), undefined)
  await store.set('a', new Uint8Array([1]), { ttlMs: 60_000 })
  await redis.restart()
  await until('changed', async () => {
    await store.set('a', new Uint8Array([1]), { ttlMs: 60_000 })
    return (await store.get('a')) !== undefined
  })
})

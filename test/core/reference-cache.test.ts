import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ALONE, type Change, type ChangeBus } from '../../src/cache/change-bus.ts'
import type { CacheStore } from '../../src/cache/cache-store.ts'
import { ReferenceCache } from '../../src/core/reference-cache.ts'
import { digestOf } from '../../src/oci/digest.ts'
import { parseTag } from '../../src/oci/reference.ts'
import { parseRepositoryName } from '../../src/oci/repository-name.ts'
import { known } from '../support/known.ts'

const repository = known(parseRepositoryName('team-a/app'))
const tag = known(parseTag('latest'))
const [older, newer] = [digestOf('older'), digestOf('newer')]

function cacheOf(options: Partial<ConstructorParameters<typeof ReferenceCache>[0]> = {}): ReferenceCache {
  return new ReferenceCache({ route: 'main', maxBytes: 64 * 1024, bus: ALONE, ...options })
}

function mapStore(): CacheStore & { readonly keys: Map<string, Uint8Array> } {
  const keys = new Map<string, Uint8Array>()
  return {
    keys,
    get: async (key) => keys.get(key),
    set: async (key, value) => void keys.set(key, value),
    delete: async (key) => void keys.delete(key),
    close: async () => {},
  }
}

/** Two processes on one bus, without a network between them. */
function sharedBus(): () => ChangeBus {
  const listeners: ((change: Change) => void)[] = []
  const generations = new Map<string, number>()
  return () => {
    let own: ((change: Change) => void) | undefined
    return {
      lease: () => 60_000,
      generation: async (topic) => generations.get(topic) ?? 0,
      announce: async (change) => {
        generations.set(change.topic, (generations.get(change.topic) ?? 0) + 1)
        for (const listener of listeners) if (listener !== own) listener(change)
      },
      subscribe: (listener) => {
        own = listener
        listeners.push(listener)
      },
      close: async () => {},
    }
  }
}

test('a reference is loaded once for all who ask at the same time', async () => {
  const cache = cacheOf()
  let loads = 0
  const load = async () => {
    loads += 1
    return older
  }
  await Promise.all(Array.from({ length: 20 }, () => cache.resolve(repository, tag, load)))
  assert.equal(loads, 1)
  assert.equal(cache.peek(repository, tag), older)
})

test('a load that began before a change is not kept', async () => {
  const cache = cacheOf()
  const slow = Promise.withResolvers<typeof older>()
  const loading = cache.resolve(repository, tag, () => slow.promise)
  await cache.invalidate(repository, tag)
  slow.resolve(older)
  await loading
  assert.equal(cache.peek(repository, tag), undefined)
})

test('who asks after a change does not join a load that began before it', async () => {
  const cache = cacheOf()
  const slow = Promise.withResolvers<typeof older>()
  const before = cache.resolve(repository, tag, () => slow.promise)
  await cache.invalidate(repository, tag)
  const after = await cache.resolve(repository, tag, async () => newer)
  slow.resolve(older)
  await before
  assert.equal(after.digest, newer)
  assert.equal(cache.peek(repository, tag), newer)
})

test('a change of the whole repository forgets all its references, and no other repository', async () => {
  const cache = cacheOf()
  const neighbour = known(parseRepositoryName('team-a/app2'))
  await cache.resolve(repository, tag, async () => older)
  await cache.resolve(repository, older, async () => older)
  await cache.resolve(neighbour, tag, async () => newer)
  await cache.invalidate(repository)
  assert.equal(cache.peek(repository, tag), undefined)
  assert.equal(cache.peek(repository, older), undefined)
  assert.equal(cache.peek(neighbour, tag), newer)
})

test('another process forgets what was changed here', async () => {
  const [join, shared] = [sharedBus(), mapStore()]
  const [here, there] = [cacheOf({ bus: join(), shared }), cacheOf({ bus: join(), shared })]
  await there.resolve(repository, tag, async () => older)
  await here.invalidate(repository, tag)
  assert.equal((await there.resolve(repository, tag, async () => newer)).digest, newer)
})

test('what one process loaded another finds in the shared cache', async () => {
  const [join, shared] = [sharedBus(), mapStore()]
  const [here, there] = [cacheOf({ bus: join(), shared }), cacheOf({ bus: join(), shared })]
  await here.resolve(repository, tag, async () => older)
  const found = await there.resolve(repository, tag, () => assert.fail('loaded again'))
  assert.deepEqual(found, { digest: older, from: 'shared' })
})

test('a slow load that ends after a change elsewhere is not found in the shared cache', async () => {
  const [join, shared] = [sharedBus(), mapStore()]
  const [here, there] = [cacheOf({ bus: join(), shared }), cacheOf({ bus: join(), shared })]
  const slow = Promise.withResolvers<typeof older>()
  const began = Promise.withResolvers<void>()
  const loading = there.resolve(repository, tag, () => {
    began.resolve()
    return slow.promise
  })
  await began.promise
  await here.invalidate(repository, tag)
  slow.resolve(older)
  await loading
  assert.equal((await here.resolve(repository, tag, async () => newer)).digest, newer)
})

test('nothing is kept while changes could be missed', async () => {
  const bus: ChangeBus = { ...ALONE, lease: () => 0 }
  const cache = cacheOf({ bus })
  await cache.resolve(repository, tag, async () => older)
  assert.equal(cache.peek(repository, tag), undefined)
})

test('a failed load is told to all who waited and tried again by the next', async () => {
  const cache = cacheOf()
  await assert.rejects(
    cache.resolve(repository, tag, () => Promise.reject(new Error('away'))),
    /away/,
  )
  assert.equal((await cache.resolve(repository, tag, async () => newer)).digest, newer)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CacheStore } from '../../src/cache/cache-store.ts'
import { ManifestCache } from '../../src/core/manifest-cache.ts'
import type { Manifest } from '../../src/core/registry.ts'
import { digestOf, type DigestAlgorithm } from '../../src/oci/digest.ts'
import { OCI_INDEX } from '../../src/oci/media-type.ts'

const MIB = 1024 * 1024

/** A store that keeps everything, and whose values others can write. */
function mapStore() {
  const values = new Map<string, Uint8Array>()
  let gets = 0
  const store: CacheStore = {
    get: async (key) => {
      gets += 1
      return values.get(key)
    },
    set: async (key, value) => void values.set(key, value),
    delete: async (key) => void values.delete(key),
    close: async () => undefined,
  }
  return { store, values, gets: () => gets }
}

function manifestOf(text: string, algorithm: DigestAlgorithm = 'sha256'): Manifest {
  const bytes = Buffer.from(text)
  return { digest: digestOf(bytes, algorithm), mediaType: OCI_INDEX, bytes }
}

/** What a second process finds after a first one has put `manifest` and somebody has changed the value. */
async function foundAfter(manifest: Manifest, change: (value: Buffer) => Uint8Array | string) {
  const { store, values } = mapStore()
  new ManifestCache({ maxBytes: MIB, shared: store }).put(manifest)
  for (const [key, value] of values) values.set(key, Buffer.from(change(Buffer.from(value))))
  assert.equal(values.size, 1)
  const reader = new ManifestCache({ maxBytes: MIB, shared: store })
  const found = await reader.get(manifest.digest)
  // What was a miss is not remembered either.
  assert.equal(reader.peek(manifest.digest), found)
  return found && { ...found, bytes: Buffer.from(found.bytes) }
}

test('what one process put is found by another, byte for byte', async () => {
  const [one, other] = [manifestOf('{"a":\n1}\n'), manifestOf('', 'sha512')]
  assert.deepEqual(await foundAfter(one, (value) => value), one)
  assert.deepEqual(await foundAfter(other, (value) => value), other)
})

test('bytes in the shared store that are not those of the digest are a miss', async () => {
  const genuine = manifestOf('{"genuine":true}')
  assert.equal(await foundAfter(genuine, () => `${OCI_INDEX}\n{"forged":true}`), undefined)
  assert.equal(await foundAfter(genuine, (value) => value.subarray(0, -1)), undefined)
  assert.equal(await foundAfter(genuine, (value) => `${String(value)}x`), undefined)
  assert.equal(await foundAfter(manifestOf('x', 'sha512'), () => `${OCI_INDEX}\ny`), undefined)
})

test('a value in the shared store that has another form is a miss', async () => {
  const genuine = manifestOf('{"genuine":true}')
  const asType = (type: string) => () => `${type}\n{"genuine":true}`
  assert.equal(await foundAfter(genuine, asType('text/html\r\nSet-Cookie: a=b')), undefined)
  assert.equal(await foundAfter(genuine, asType('')), undefined)
  assert.equal(await foundAfter(genuine, asType('html')), undefined)
  assert.equal(await foundAfter(genuine, () => ''), undefined)
  assert.equal(await foundAfter(genuine, () => 'no line feed'), undefined)
})

test('memory is asked before the shared store, and remembers what came from there', async () => {
  const { store, gets } = mapStore()
  const manifest = manifestOf('{}')
  new ManifestCache({ maxBytes: MIB, shared: store }).put(manifest)
  const cache = new ManifestCache({ maxBytes: MIB, shared: store })
  assert.equal(cache.peek(manifest.digest), undefined)
  const found = await Promise.all(Array.from({ length: 20 }, () => cache.get(manifest.digest)))
  assert.equal(new Set(found).size, 1)
  assert.equal(await cache.get(manifest.digest), cache.peek(manifest.digest))
  assert.equal(gets(), 1)
})

test('one huge manifest does not push out the small ones, and the oldest go first', async () => {
  const cache = new ManifestCache({ maxBytes: 8 * 1024 })
  const [first, second] = [manifestOf('1'), manifestOf('2')]
  cache.put(first)
  cache.put(second)
  const huge = manifestOf('x'.repeat(2 * 1024))
  cache.put(huge)
  assert.equal(await cache.get(huge.digest), undefined)
  assert.equal(cache.peek(first.digest), first)
  for (let note = 0; note < 14; note++) cache.put(manifestOf(`note ${note}`))
  assert.equal(cache.peek(second.digest), undefined)
  assert.equal(cache.peek(first.digest), first)
})

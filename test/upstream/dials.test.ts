// Redirects and token realms must not lead to what only this machine or its network can reach, by whatever name.
import assert from 'node:assert/strict'
import { isIPv6 } from 'node:net'
import { test } from 'node:test'
import { buffer } from 'node:stream/consumers'
import { digestOf } from '../../src/oci/digest.ts'
import { createUpstreamClient } from '../../src/upstream/create-upstream-client.ts'
import { UpstreamInvalidAnswerError } from '../../src/upstream/errors.ts'
import { MeetingPlaces, zoneOf } from '../../src/upstream/zones.ts'
import { atEnd, type Scope } from '../support/scope.ts'
import { repository } from './names.ts'
import { startScriptedServer } from './scripted-server.ts'

const alpine = repository('library/alpine')
const bytes = Buffer.from('the bytes of a blob')
const digest = digestOf(bytes)
const METADATA = '169.254.169.254'

/** `registry.test` is on this machine; the other names are where the test says. */
function clientOf(t: Scope, url: string, addresses: Readonly<Record<string, readonly string[]>>) {
  const resolved: string[] = []
  const client = createUpstreamClient({
    url: url.replace('127.0.0.1', 'registry.test'),
    credentials: { username: 'acme', password: 'secret' },
    connectTimeoutMs: 500,
    resolve: (hostname, callback) => {
      resolved.push(hostname)
      const found = hostname === 'registry.test' ? ['127.0.0.1'] : (addresses[hostname] ?? [])
      callback(
        null,
        found.map((address) => ({ address, family: isIPv6(address) ? 6 : 4 })),
      )
    },
  })
  atEnd(t, () => client.close())
  return { client, resolved }
}

/** A registry that sends whoever wants a blob to `location`. */
function startRedirecting(t: Scope, location: () => string) {
  return startScriptedServer(t, (_req, res) => res.writeHead(307, { location: location() }).end())
}

test('a redirect to a name is followed to an address that the upstream may lead to', async (t) => {
  const cdn = await startScriptedServer(t, (_req, res) => res.end(bytes))
  const registry = await startRedirecting(t, () => cdn.url.replace('127.0.0.1', 'cdn.test'))
  const { client, resolved } = clientOf(t, registry.url, { 'cdn.test': [METADATA, '127.0.0.1'] })
  const blob = await client.openBlob(alpine, digest)
  assert.deepEqual(await buffer(blob.body), bytes)
  // What was checked is what was dialled: the name was asked for once.
  assert.deepEqual(resolved, ['registry.test', 'cdn.test'])
})

test('a redirect to a name is refused when the name means an address that the upstream must not lead to', async (t) => {
  const registry = await startRedirecting(t, () => 'http://cdn.test./latest/meta-data')
  const { client } = clientOf(t, registry.url, { 'cdn.test.': [METADATA, '::ffff:169.254.169.254'] })
  await assert.rejects(client.openBlob(alpine, digest), UpstreamInvalidAnswerError)
  assert.equal(registry.requests.length, 1)
})

test('a redirect to an address is refused just so', async (t) => {
  let host = METADATA
  const registry = await startRedirecting(t, () => `http://${host}/latest/meta-data`)
  const { client } = clientOf(t, registry.url, {})
  await assert.rejects(client.openBlob(alpine, digest), UpstreamInvalidAnswerError)
  host = '[fe80::1]'
  await assert.rejects(client.openBlob(alpine, digest), UpstreamInvalidAnswerError)
  host = '[::ffff:a9fe:a9fe]'
  await assert.rejects(client.openBlob(alpine, digest), UpstreamInvalidAnswerError)
})

test('a token service on another host is refused where a redirect would be', async (t) => {
  const registry = await startScriptedServer(t, (_req, res) =>
    res.writeHead(401, { 'www-authenticate': 'Bearer realm="http://auth.registry.test/token"' }).end(),
  )
  const { client } = clientOf(t, registry.url, { 'auth.registry.test': [METADATA] })
  await assert.rejects(client.openBlob(alpine, digest), UpstreamInvalidAnswerError)
})

test('an upstream on the Internet leads to the Internet alone', () => {
  const met = new MeetingPlaces()
  assert(!met.mayLeadTo('127.0.0.1'), 'nobody was met yet')
  met.add('93.184.216.34')
  assert(met.mayLeadTo('104.16.1.1'))
  assert(met.mayLeadTo('2606:4700::1'))
  for (const address of ['127.0.0.1', '::1', '10.0.0.1', '192.168.1.1', METADATA, 'fd00::1', '100.64.0.1'])
    assert(!met.mayLeadTo(address), address)
})

test('an upstream in the local network leads there, and not to this machine', () => {
  const met = new MeetingPlaces()
  met.add('::ffff:192.168.1.5')
  assert(met.mayLeadTo('10.0.0.1'))
  for (const address of ['127.0.0.1', '0.0.0.0', '::', '::1', METADATA, 'fd00:ec2::254'])
    assert(!met.mayLeadTo(address), address)
})

test('an upstream on the Internet gains nothing by a name that means this machine later', () => {
  const met = new MeetingPlaces()
  met.add('93.184.216.34')
  met.add('127.0.0.1')
  assert(!met.mayLeadTo('127.0.0.1'))
})

test('an IPv4 address is the same in all its IPv6 forms', () => {
  assert.equal(zoneOf('::ffff:127.0.0.1'), 'loopback')
  assert.equal(zoneOf('::127.0.0.1'), 'loopback')
  assert.equal(zoneOf('64:ff9b::7f00:1'), 'loopback')
  assert.equal(zoneOf('64:ff9b::a00:1'), 'private')
  assert.equal(zoneOf('64:ff9b::808:808'), 'public')
  assert.equal(zoneOf('::ffff:a9fe:a9fe'), 'link')
  assert.equal(zoneOf('fe80::1%eth0'), 'link')
  assert.equal(zoneOf('no address'), 'link')
})

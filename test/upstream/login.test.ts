import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ServerResponse } from 'node:http'
import {
  createUpstreamClient,
  type UpstreamClientOptions,
} from '../../src/upstream/create-upstream-client.ts'
import { UpstreamRateLimitedError, UpstreamUnauthorizedError } from '../../src/upstream/errors.ts'
import { allowedRealm } from '../../src/upstream/realm.ts'
import { basic } from '../support/http.ts'
import { atEnd, type Scope } from '../support/scope.ts'
import { until } from '../support/until.ts'
import { reference, repository } from './names.ts'
import { manifestBytes, startScriptedServer, type ScriptedServer } from './scripted-server.ts'

const alpine = repository('library/alpine')
const latest = reference('latest')

function clientOf(t: Scope, options: UpstreamClientOptions) {
  const client = createUpstreamClient(options)
  atEnd(t, () => client.close())
  return client
}

interface TokenUpstream {
  readonly registry: ScriptedServer
  readonly realm: ScriptedServer
  /** What the realm answers; by default the tokens t1, t2, … */
  answerToken: (res: ServerResponse) => void
  /** Whether the registry takes this header. */
  accepts: (authorization: string | undefined) => boolean
  challenge: string
}

/** A registry with its token service on another port. */
async function startTokenUpstream(t: Scope): Promise<TokenUpstream> {
  let issued = 0
  const realm = await startScriptedServer(t, (_req, res) => upstream.answerToken(res))
  const registry = await startScriptedServer(t, (req, res) => {
    if (upstream.accepts(req.headers.authorization)) res.end(manifestBytes())
    else res.writeHead(401, { 'www-authenticate': upstream.challenge }).end()
  })
  const upstream: TokenUpstream = {
    registry,
    realm,
    answerToken: (res) => res.end(JSON.stringify({ token: `t${++issued}`, expires_in: 300 })),
    accepts: (authorization) => authorization === `Bearer t${issued}`,
    challenge: `Bearer realm="${realm.url}/token",service="hub",scope="repository:library/alpine:pull"`,
  }
  return upstream
}

test('a Bearer challenge is answered with a token of its realm, which serves the requests that follow', async (t) => {
  const { registry, realm } = await startTokenUpstream(t)
  const client = clientOf(t, { url: registry.url, credentials: { username: 'acme', password: 'a:b' } })
  await client.getManifest(alpine, latest)
  await client.getManifest(alpine, latest)
  assert.deepEqual(
    registry.requests.map((asked) => asked.authorization),
    [undefined, 'Bearer t1', 'Bearer t1'],
  )
  assert.deepEqual(
    realm.requests.map((asked) => asked.target),
    ['/token?service=hub&scope=repository%3Alibrary%2Falpine%3Apull&account=acme'],
  )
  assert.equal(realm.requests[0]?.authorization, basic('acme', 'a:b'))
})

test('without credentials the token is asked for anonymously', async (t) => {
  const { registry, realm } = await startTokenUpstream(t)
  await clientOf(t, { url: registry.url }).getManifest(alpine, latest)
  assert.equal(realm.requests[0]?.authorization, undefined)
})

test('twenty requests at once share one token', async (t) => {
  const { registry, realm } = await startTokenUpstream(t)
  const client = clientOf(t, { url: registry.url })
  await Promise.all(Array.from({ length: 20 }, () => client.getManifest(alpine, latest)))
  assert.equal(realm.requests.length, 1)
})

test('a token is replaced before it expires', async (t) => {
  const upstream = await startTokenUpstream(t)
  let issued = 0
  upstream.answerToken = (res) => res.end(JSON.stringify({ access_token: `s${++issued}`, expires_in: 0.001 }))
  upstream.accepts = (authorization) => authorization?.startsWith('Bearer s') ?? false
  const client = clientOf(t, { url: upstream.registry.url })
  await until('a second token is used', async () => {
    await client.getManifest(alpine, latest)
    return issued === 2
  })
  assert.equal(upstream.registry.requests.filter((asked) => asked.authorization === undefined).length, 1)
})

test('a token that the upstream no longer takes is replaced once, and the request goes on', async (t) => {
  const upstream = await startTokenUpstream(t)
  const client = clientOf(t, { url: upstream.registry.url })
  await client.getManifest(alpine, latest)
  upstream.accepts = (authorization) => authorization === 'Bearer t2'
  await client.getManifest(alpine, latest)
  assert.equal(upstream.realm.requests.length, 2)
})

test('an upstream that refuses every token is asked twice, and works again once it takes them', async (t) => {
  const upstream = await startTokenUpstream(t)
  const { accepts } = upstream
  const client = clientOf(t, { url: upstream.registry.url })
  upstream.accepts = () => false
  await assert.rejects(client.getManifest(alpine, latest), UpstreamUnauthorizedError)
  assert.equal(upstream.registry.requests.length, 2)
  upstream.accepts = accepts
  await client.getManifest(alpine, latest)
})

test('one stray 401 of an anonymous upstream poisons nothing', async (t) => {
  let stray = true
  const registry = await startScriptedServer(t, (_req, res) => {
    if (stray) res.writeHead(401, { 'www-authenticate': 'Basic realm="nothing"' }).end()
    else res.end(manifestBytes())
    stray = false
  })
  const client = clientOf(t, { url: registry.url })
  await assert.rejects(client.getManifest(alpine, latest), UpstreamUnauthorizedError)
  await client.getManifest(alpine, latest)
})

test('a realm that died does not matter once the upstream asks for no token', async (t) => {
  const upstream = await startTokenUpstream(t)
  upstream.answerToken = (res) => res.end(JSON.stringify({ token: 'short', expires_in: 0.001 }))
  upstream.accepts = (authorization) => authorization === 'Bearer short'
  const client = clientOf(t, { url: upstream.registry.url })
  await client.getManifest(alpine, latest)
  await upstream.realm.close()
  upstream.accepts = () => true
  await until('a request goes without a token', async () => {
    await client.getManifest(alpine, latest)
    return upstream.registry.requests.at(-1)?.authorization === undefined
  })
})

test('a quota of the token service is told as a quota', async (t) => {
  const upstream = await startTokenUpstream(t)
  upstream.answerToken = (res) => res.writeHead(429, { 'retry-after': '7' }).end()
  const client = clientOf(t, { url: upstream.registry.url })
  await assert.rejects(client.getManifest(alpine, latest), (error: unknown) => {
    assert(error instanceof UpstreamRateLimitedError)
    assert.equal(error.retryAfterSeconds, 7)
    return true
  })
})

test('a realm on a foreign host is never asked, and no credential appears in the error', async (t) => {
  const upstream = await startTokenUpstream(t)
  upstream.challenge = `Bearer realm="${upstream.realm.url.replace('127.0.0.1', 'localhost')}/token",service="hub"`
  const client = clientOf(t, {
    url: upstream.registry.url,
    credentials: { username: 'acme', password: 'secret' },
  })
  await assert.rejects(client.getManifest(alpine, latest), (error: unknown) => {
    assert(error instanceof UpstreamUnauthorizedError)
    assert.doesNotMatch(error.message, /secret/)
    return true
  })
  assert.equal(upstream.realm.requests.length, 0)
})

test('a realm on a foreign host is asked when it is listed', async (t) => {
  const upstream = await startTokenUpstream(t)
  upstream.challenge = `Bearer realm="${upstream.realm.url.replace('127.0.0.1', 'localhost')}/token",service="hub"`
  const client = clientOf(t, { url: upstream.registry.url, allowedRealms: ['localhost'] })
  await client.getManifest(alpine, latest)
})

test('a Basic challenge is answered with the configured login', async (t) => {
  const registry = await startScriptedServer(t, (req, res) => {
    if (req.headers.authorization === basic('acme', 'a:b')) res.end(manifestBytes())
    else res.writeHead(401, { 'www-authenticate': 'Basic realm="core"' }).end()
  })
  const client = clientOf(t, { url: registry.url, credentials: { username: 'acme', password: 'a:b' } })
  await client.getManifest(alpine, latest)
  const wrong = clientOf(t, { url: registry.url, credentials: { username: 'acme', password: 'wrong' } })
  await assert.rejects(wrong.getManifest(alpine, latest), UpstreamUnauthorizedError)
})

test('the realm of Docker Hub is allowed; another domain, plain http and shared public suffixes are not', () => {
  const hub = new URL('https://registry-1.docker.io/')
  assert(allowedRealm('https://auth.docker.io/token', hub, []))
  assert.equal(allowedRealm('http://auth.docker.io/token', hub, []), undefined)
  assert.equal(allowedRealm('https://auth.docker.io.evil.com/token', hub, []), undefined)
  assert.equal(allowedRealm('https://user:pw@auth.docker.io/token', hub, []), undefined)
  assert.equal(allowedRealm('https://evil.co.uk/token', new URL('https://registry.co.uk/'), []), undefined)
  assert.equal(allowedRealm('https://10.0.0.1/token', new URL('https://20.0.0.1/'), []), undefined)
  assert(allowedRealm('https://10.0.0.1:8443/token', new URL('https://10.0.0.1/'), []))
  assert.equal(allowedRealm('https://evil.com./token', new URL('https://registry.com./'), []), undefined)
})

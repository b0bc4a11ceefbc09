// The rows of nginx-compat.md that can be compared: a real nginx and dockgate answer the same requests.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { before, test } from 'node:test'
import { promisify } from 'node:util'
import { digestOf } from '../../src/oci/digest.ts'
import { basic, send, type RequestOptions } from '../support/http.ts'
import { htpasswdLine } from '../support/htpasswd.ts'
import { fileScope } from '../support/scope.ts'
import { until } from '../support/until.ts'
import { startBoth, type Both } from './nginx-front.ts'

const COLONS = 'se:cr:et:'
const UTF8 = 'pässwörd-€-密码'
const LONG = '0123456789abcdef'.repeat(5)
/** Of `password`. */
const ARGON2ID = '$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc'

const scope = fileScope()
let both: Both

before(async () => {
  const alice = (await htpasswdLine('alice', 'word')).slice('alice:'.length)
  const apr1 = await openssl('-apr1', 'word')
  const lines = [
    '# comment:is nobody',
    '',
    'a line without a colon',
    `alice:${alice}`,
    `alice:${await openssl('-apr1', 'another')}`,
    `dollar-a:${alice.replace('$2y$', '$2a$')}`,
    `dollar-b:${alice.replace('$2y$', '$2b$')}`,
    `commented:${alice}:Carol of accounting:room 7`,
    `windows:${apr1}\r`,
    ` spaced:${apr1}`,
    'empty:',
    'raw:word',
    `salty:${apr1.replace('saltsalt', 'saltsaltsalt')}`,
    await htpasswdLine('bcrypt-colons', COLONS),
    await htpasswdLine('bcrypt-utf8', UTF8),
    await htpasswdLine('bcrypt-long', LONG),
    await htpasswdLine('apr1-colons', COLONS, 'apr1'),
    await htpasswdLine('apr1-utf8', UTF8, 'apr1'),
    await htpasswdLine('apr1-long', LONG, 'apr1'),
    `last:${apr1}`,
  ]
  both = await startBoth(scope, lines.join('\n'))
})

async function openssl(kind: string, password: string): Promise<string> {
  const { stdout } = await promisify(execFile)('openssl', ['passwd', kind, '-salt', 'saltsalt', password])
  return stdout.trim()
}

const as = (name: string, password: string, options: RequestOptions = {}): RequestOptions => ({
  ...options,
  headers: { authorization: basic(name, password), ...options.headers },
})

test('P1: bcrypt under each of its names opens to its password alone', async () => {
  assert.equal(await both.login('alice', 'word'), 200)
  assert.equal(await both.login('dollar-a', 'word'), 200)
  assert.equal(await both.login('dollar-b', 'word'), 200)
  assert.equal(await both.login('alice', 'Word'), 401)
  assert.equal(await both.login('nobody', 'word'), 401)
})

test('P2: apr1 opens to its password alone', async () => {
  assert.equal(await both.login('last', 'word'), 200)
  assert.equal(await both.login('last', 'words'), 401)
})

test('P3: passwords may hold colons, letters beyond ASCII and 80 characters', async () => {
  const words = { colons: COLONS, utf8: UTF8, long: LONG }
  const right = await Promise.all(
    Object.entries(words).flatMap(([name, word]) => [
      both.login(`bcrypt-${name}`, word),
      both.login(`apr1-${name}`, word),
    ]),
  )
  assert.deepEqual(new Set(right), new Set([200]))
  assert.equal(await both.login('bcrypt-colons', 'se'), 401)
  assert.equal(await both.login('apr1-utf8', 'pässwörd'), 401)
  assert.equal(await both.login('apr1-long', `${LONG}x`), 401)
  // bcrypt counts 72 bytes, here as everywhere.
  assert.equal(await both.login('bcrypt-long', `${LONG}x`), 200)
})

test('P4: of several lines with one name the first counts', async () => {
  assert.equal(await both.login('alice', 'word'), 200)
  assert.equal(await both.login('alice', 'another'), 401)
})

test('P5: what follows the hash behind another colon is a comment', async () => {
  assert.equal(await both.login('commented', 'word'), 200)
})

test('P6: line endings do not matter; comments, leading space and empty hashes mean what they mean to nginx', async () => {
  assert.equal(await both.login('windows', 'word'), 200)
  assert.equal(await both.login(' spaced', 'word'), 200)
  assert.equal(await both.login('spaced', 'word'), 401)
  assert.equal(await both.login('# comment', 'is nobody'), 401)
  assert.equal(await both.login('a line without a colon', 'word'), 401)
  assert.equal(await both.login('empty', 'word'), 401)
})

test('P7: a password in clear text and a salt that is too long open to nothing', async () => {
  assert.equal(await both.login('raw', 'word'), 401)
  assert.equal(await both.login('salty', 'word'), 401)
})

test('P8: a changed file counts without a restart', async (t) => {
  const changing = await startBoth(t, await htpasswdLine('before', 'word'))
  assert.equal(await changing.login('before', 'word'), 200)
  await changing.writePasswords(await htpasswdLine('after', 'word'))
  await until('both let in the new account', () =>
    changing.login('after', 'word').then(
      (status) => status === 200,
      () => false,
    ),
  )
  assert.equal(await changing.login('before', 'word'), 401)
})

test('P9: what the htpasswd and openssl programs write opens to its password alone, and weak kinds are reported', async (t) => {
  const hashOf = async (kind: 'sha1' | 'crypt'): Promise<string> =>
    (await htpasswdLine('user', 'word', kind)).slice('user:'.length)
  const kinds = {
    sha1: await hashOf('sha1'),
    des: await hashOf('crypt'),
    plain: '{PLAIN}word',
    md5: await openssl('-1', 'word'),
    sha256: await openssl('-5', 'word'),
    sha512: await openssl('-6', 'word'),
  }
  const lines = Object.entries(kinds).map(([name, hash]) => `${name}:${hash}`)
  const { gateway, login } = await startBoth(t, lines.join('\n'))
  for (const name of Object.keys(kinds))
    assert.deepEqual([name, await login(name, 'word'), await login(name, 'Word')], [name, 200, 401])
  const warnings = () => gateway.log().filter(({ msg }) => msg === 'password file: weak hash')
  await until('each weak line is reported', () => warnings().length === 4)
  assert.deepEqual(
    warnings().map(({ line, name }) => [line, name]),
    [
      [1, 'sha1'],
      [2, 'des'],
      [3, 'plain'],
      [4, 'md5'],
    ],
  )
})

test('P10: an empty password and one with control characters log in at nginx alone', async (t) => {
  const lines = [`empty:${await openssl('-apr1', '')}`, `tab:${await openssl('-apr1', 'a\tb')}`]
  const { ask } = await startBoth(t, lines.join('\n'))
  const [empty, tab] = [await ask('/v2/', as('empty', '')), await ask('/v2/', as('tab', 'a\tb'))]
  assert.deepEqual([empty.nginx.status, empty.dockgate.status], [200, 401])
  assert.deepEqual([tab.nginx.status, tab.dockgate.status], [200, 401])
})

test('P14: argon2id opens here alone', async (t) => {
  const { ask } = await startBoth(t, `alice:${ARGON2ID}`)
  const { nginx, dockgate } = await ask('/v2/', as('alice', 'password'))
  assert.deepEqual([nginx.status, dockgate.status], [401, 200])
})

test('P15: a line with the beginning of a name hides the next one from nginx alone', async (t) => {
  const line = await htpasswdLine('alice', 'word')
  const { ask } = await startBoth(t, `ali\n${line}`)
  const { nginx, dockgate } = await ask('/v2/', as('alice', 'word'))
  assert.deepEqual([nginx.status, dockgate.status], [401, 200])
})

test('R1: who shows no login, a wrong one, garbage or another scheme is challenged', async () => {
  const { nginx, dockgate } = await both.ask('/v2/')
  assert.deepEqual([nginx.status, dockgate.status], [401, 401])
  assert.match(nginx.headers['www-authenticate'] ?? '', /^Basic realm="/)
  assert.match(dockgate.headers['www-authenticate'] ?? '', /^Basic realm="/)
  assert.equal(dockgate.headers['docker-distribution-api-version'], 'registry/2.0')
  assert.match(dockgate.headers['content-type'] ?? '', /^application\/json/)
  assert.equal(await both.status('/v2/', as('alice', 'wrong')), 401)
  assert.equal(await both.status('/v2/', { headers: { authorization: 'Basic !!!' } }), 401)
  assert.equal(await both.status('/v2/', { headers: { authorization: 'Bearer abc' } }), 401)
})

test('R2: the name of the scheme may be written in any case', async () => {
  const authorization = basic('alice', 'word').replace('Basic', 'bASIC')
  assert.equal(await both.status('/v2/', { headers: { authorization } }), 200)
})

test('R3: /v2 leads to /v2/', async () => {
  const { nginx, dockgate } = await both.ask('/v2')
  assert.deepEqual([nginx.status, dockgate.status], [301, 301])
  assert.match(nginx.headers.location ?? '', /\/v2\/$/)
  assert.match(dockgate.headers.location ?? '', /\/v2\/$/)
})

test('R4: HEAD is allowed where GET is, and a login does not open what is closed to all', async () => {
  const blob = `/v2/open/app/blobs/${digestOf('nothing')}`
  // 404 is the word of the registry behind both: the request was let through.
  assert.equal(await both.status(blob), 404)
  assert.equal(await both.status(blob, { method: 'HEAD' }), 404)
  assert.equal(await both.status('/v2/open/app/blobs/uploads/', as('alice', 'word', { method: 'POST' })), 403)
  assert.equal(await both.status(blob, as('alice', 'word', { method: 'DELETE' })), 403)
})

test('R5: a method that a path does not have is refused before anybody is asked who it is', async () => {
  assert.equal(await both.status('/v2/team/app/tags/list', { method: 'POST' }), 405)
})

test('R6: a manifest that is too large is 413', async () => {
  const body = Buffer.alloc(4 * 1024 * 1024 + 1, 0x20)
  const put = as('alice', 'word', { method: 'PUT', body })
  const { nginx, dockgate } = await both.ask('/v2/team/app/manifests/big', put)
  assert.deepEqual([nginx.status, dockgate.status], [413, 413])
  assert.match(nginx.headers['content-type'] ?? '', /^text\/html/)
  assert.match(dockgate.headers['content-type'] ?? '', /^application\/json/)
})

test('R6: a blob of 2 MiB is too large for nginx as it comes, and not for dockgate', async () => {
  const body = Buffer.alloc(2 * 1024 * 1024)
  const start = await both.ask('/v2/team/app/blobs/uploads/', as('alice', 'word', { method: 'POST' }))
  const finish = async (location: string | undefined, ca?: string) => {
    const url = new URL(location ?? '')
    url.searchParams.set('digest', digestOf(body))
    const put = as('alice', 'word', { method: 'PUT', body })
    return (await send(url, { ...put, ...(ca === undefined ? {} : { ca }) })).status
  }
  assert.equal(await finish(start.nginx.headers.location), 413)
  assert.equal(await finish(start.dockgate.headers.location, both.gateway.ca), 201)
})

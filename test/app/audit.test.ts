import assert from 'node:assert/strict'
import { readdir, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { digestOf } from '../../src/oci/digest.ts'
import { startGateway, type RunningGateway } from '../support/gateway.ts'
import { send, type RequestOptions } from '../support/http.ts'
import type { Scope } from '../support/scope.ts'
import { until } from '../support/until.ts'

const ALICE = { account: { username: 'alice', password: 'canary-password-of-alice' } }
const BOB = { account: { username: 'bob', password: 'canary-password-of-bob' } }
const USERS = { alice: ALICE.account.password, bob: BOB.account.password }
const CONFIG = {
  listen: [{ address: '127.0.0.1:0' }],
  trustedProxies: ['127.0.0.1'],
  access: [
    { repositories: ['public/**'], pull: ['$anonymous'] },
    { repositories: ['team/**'], push: ['alice'], pull: ['bob'], from: ['10.0.0.0/8'] },
    { admin: ['alice'] },
  ],
}

interface Line {
  readonly time: string
  readonly decision: string
  readonly status: number
  readonly action: string
  readonly user?: string
  readonly credential?: string
  readonly repository?: string
  readonly reference?: string
  readonly rule?: string
  readonly line?: number
  readonly client?: string
  readonly scopes?: readonly string[]
}

function start(t: Scope, audit: object, config: object = {}): Promise<RunningGateway> {
  return startGateway(t, { users: USERS, config: { ...CONFIG, ...config, audit } })
}

const fileOf = ({ folder }: RunningGateway) => join(folder, 'audit.log')

/** Sends requests one after the other, from an address that the grants know. */
async function sendAll(
  url: string,
  requests: readonly (readonly [string, RequestOptions?])[],
): Promise<void> {
  for (const [path, options = {}] of requests)
    await send(url + path, { ...options, headers: { 'X-Forwarded-For': '10.0.0.7', ...options.headers } })
}

/** The lines of the file, when so many are there; several workers write by turns. */
async function linesOf(file: string, count: number): Promise<Line[]> {
  return until(`${count} lines are there`, async () => {
    const lines = (await readFile(file, 'utf8')).split('\n').slice(0, -1)
    if (lines.length < count) return undefined
    return lines.map((line) => JSON.parse(line) as Line)
  })
}

const told = ({ user, credential, action, repository, reference, decision, rule, status }: Line) =>
  [
    user ?? '-',
    credential ?? '-',
    action,
    repository ?? '-',
    reference ?? '-',
    decision,
    rule ?? '-',
    status,
  ].join(' ')

/** In whatever order: two workers may end two answers within the same millisecond. */
function assertTold(lines: readonly Line[], expected: readonly string[]): void {
  assert.deepEqual(lines.map(told).toSorted(), expected.toSorted())
}

test('each decision is told: who, with what, from where, what, and which grant allowed it', async (t) => {
  const gateway = await start(t, { file: 'audit.log' })
  const outside = { headers: { 'X-Forwarded-For': '192.0.2.1' } }
  await sendAll(gateway.url, [
    ['/v2/'],
    ['/v2/', ALICE],
    ['/v2/', { account: { username: 'alice', password: 'canary-wrong-password' } }],
    ['/v2/public/app/manifests/1'],
    ['/v2/team/app/manifests/1'],
    ['/v2/team/app/manifests/1', BOB],
    ['/v2/team/app/blobs/uploads/', { ...BOB, method: 'POST' }],
    ['/v2/team/app/blobs/uploads/', { ...ALICE, method: 'POST' }],
    ['/v2/team/app/blobs/uploads/', { ...ALICE, ...outside, method: 'POST' }],
    ['/v2/_catalog', ALICE],
    ['/healthz'],
  ])
  const lines = await linesOf(fileOf(gateway), 9)
  assertTold(lines, [
    'alice basic login - - allow - 200',
    '- - login - - deny - 401',
    '- anonymous pull public/app 1 allow access[0] 404',
    '- anonymous pull team/app 1 challenge - 401',
    'bob basic pull team/app 1 allow access[1] 404',
    'bob basic push team/app - deny - 403',
    'alice basic push team/app - allow access[1] 202',
    'alice basic push team/app - deny - 403',
    'alice basic catalog - - deny - 403',
  ])
  const [login] = lines
  assert.match(login?.time ?? '', /^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
  assert.deepEqual(
    lines.filter(({ client }) => client !== '10.0.0.7').map((line) => `${line.client} ${told(line)}`),
    ['192.0.2.1 alice basic push team/app - deny - 403'],
  )
  const granted = lines.find(({ user, action }) => user === 'bob' && action === 'pull')
  const grant = (await readFile(gateway.configFile, 'utf8')).split('\n')[Number(granted?.line)]
  assert.match(grant ?? '', /"repositories"/)
})

test('tokens are told when they are issued, with their scopes, and when they are used', async (t) => {
  const gateway = await start(t, { file: 'audit.log' })
  const headers = { 'X-Forwarded-For': '10.0.0.7' }
  const path = '/token?scope=repository:team/app:pull,push&scope=repository:other:pull'
  const { token } = (await send(gateway.url + path, { ...BOB, headers })).json<{ token: string }>()
  await sendAll(gateway.url, [
    ['/v2/team/app/tags/list', { token }],
    ['/v2/team/app/tags/list', { token: `${token}x` }],
    ['/token', { account: { username: 'bob', password: 'canary-wrong-password' } }],
    ['/TOKEN/', BOB],
  ])
  const lines = await linesOf(fileOf(gateway), 5)
  assertTold(lines, [
    'bob basic token - - allow - 200',
    'bob bearer pull team/app - allow access[1] 404',
    '- - pull team/app - deny - 401',
    '- - token - - deny - 401',
    'bob basic token - - allow - 200',
  ])
  const scoped = lines.filter(({ scopes }) => scopes?.length)
  assert.deepEqual(
    scoped.map(({ scopes }) => scopes),
    [['repository:team/app:pull']],
  )
})

test('the admin API is told too', async (t) => {
  const gateway = await start(t, { file: 'audit.log' })
  await sendAll(gateway.adminUrl, [
    ['/api/stores'],
    ['/api/stores', BOB],
    ['/api/stores?x=canary-in-a-query', ALICE],
    ['/API/stores', ALICE],
    ['/api/stores', { account: { username: 'alice', password: 'canary-wrong' } }],
    ['/api/nothing', { headers: { Authorization: 'Local canary-forged' } }],
    ['/api/tokens', { ...BOB, method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{}' }],
    ['/metrics'],
  ])
  const lines = await linesOf(fileOf(gateway), 7)
  assert.deepEqual(lines.map(told), [
    '- anonymous admin GET /api/stores - - challenge - 401',
    'bob basic admin GET /api/stores - - deny - 403',
    'alice basic admin GET /api/stores - - allow access[2] 200',
    'alice basic admin GET /API/stores - - allow access[2] 200',
    '- - admin GET /api/stores - - deny - 401',
    '- - admin GET /api/nothing - - deny - 401',
    // Everybody may make tokens for himself, but not of that.
    'bob basic admin POST /api/tokens - - error - 400',
  ])
})

test('no secret is in the audit log or in the log', async (t) => {
  const gateway = await start(t, { file: 'audit.log' })
  const headers = { 'X-Forwarded-For': '10.0.0.7' }
  const { token } = (
    await send(`${gateway.url}/token?scope=repository:team/app:push&account=alice`, { ...ALICE, headers })
  ).json<{ token: string }>()
  const bytes = Buffer.from('bytes')
  const form = { 'Content-Type': 'application/x-www-form-urlencoded' }
  const post = (text: Record<string, string>): RequestOptions => ({
    method: 'POST',
    headers: form,
    body: new URLSearchParams({ client_id: 'test', service: 'dockgate', ...text }).toString(),
  })
  await sendAll(gateway.url, [
    ['/v2/', ALICE],
    ['/v2/', { account: { username: 'canary-password-as-a-name', password: 'canary-wrong' } }],
    ['/v2/', { headers: { Authorization: 'Basic canary-that-is-no-base64' } }],
    ['/v2/', { headers: { Authorization: 'canary-scheme canary-value' } }],
    ['/v2/', { headers: { Authorization: 'Bearer canary.forged.token' } }],
    ['/v2/team/app/tags/list?token=canary-in-a-query', { token }],
    ['/v2/team/app/blobs/uploads/', { token, method: 'POST' }],
    [`/v2/team/app/blobs/uploads/?digest=${digestOf(bytes)}`, { token, method: 'POST', body: bytes }],
    ['/token?scope=repository:team/app:pull', ALICE],
    ['/token?password=canary-in-a-query', {}],
    ['/token', post({ grant_type: 'password', username: 'alice', password: USERS.alice })],
    ['/token', post({ grant_type: 'password', username: 'canary-name', password: 'canary-wrong' })],
    ['/token', post({ grant_type: 'refresh_token', refresh_token: 'canary-refresh-token' })],
  ])
  await sendAll(gateway.adminUrl, [
    ['/api/stores', { headers: { Authorization: 'Local canary-local-token' } }],
    ['/api/access/explain?action=admin', { account: { username: 'bob', password: 'canary-wrong' } }],
  ])
  await gateway.program.stop()
  const texts = [await readFile(fileOf(gateway), 'utf8'), gateway.program.output()]
  const [, , signature = ''] = token.split('.')
  for (const text of texts) {
    assert.ok(text.split('\n').length > 12)
    assert.doesNotMatch(text, /canary/)
    assert.ok(!text.includes(signature))
    assert.ok(!text.includes(Buffer.from(`alice:${USERS.alice}`).toString('base64')))
  }
})

test('pulls can be left out, and everything can go to standard output', async (t) => {
  const gateway = await start(t, { file: 'stdout', pulls: false })
  await sendAll(gateway.url, [
    ['/v2/team/app/manifests/1', BOB],
    ['/v2/team/app/blobs/uploads/', { ...ALICE, method: 'POST' }],
  ])
  const lines = await until('the push is told', () => {
    const found = gateway.log().filter(({ msg }) => msg === 'audit')
    return found.length > 0 ? found : undefined
  })
  assert.deepEqual(
    lines.map(({ action }) => action),
    ['push'],
  )
})

test('after SIGHUP the file is begun anew, where somebody has moved it away', async (t) => {
  const gateway = await start(t, { file: 'audit.log' })
  const file = fileOf(gateway)
  await sendAll(gateway.url, [['/v2/team/app/manifests/before', BOB]])
  await linesOf(file, 1)
  await rename(file, `${file}.moved`)
  process.kill(gateway.program.pid, 'SIGHUP')
  await until('it is reloaded', () => gateway.log().some(({ msg }) => msg === 'reloaded'))
  await sendAll(gateway.url, [['/v2/team/app/manifests/after', BOB]])
  const [line] = await until('the new file is there', async () =>
    (await readdir(gateway.folder)).includes('audit.log') ? linesOf(file, 1) : undefined,
  )
  assert.equal(line?.reference, 'after')
  assert.doesNotMatch(await readFile(`${file}.moved`, 'utf8'), /after/)
})

test('an audit file that can not be written keeps the gateway from starting', async (t) => {
  await assert.rejects(start(t, { file: '/dev/null/audit.log' }), /the audit file cannot be written/)
})

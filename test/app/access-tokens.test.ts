import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import type { TokenDescription } from '../../src/auth/accounts/access-tokens.ts'
import { createTokenText } from '../../src/auth/accounts/token-text.ts'
import { runCli } from '../cli/run-cli.ts'
import { MAIN, startGateway, writeConfig, writePasswords, type RunningGateway } from '../support/gateway.ts'
import { send, type Answer, type RequestOptions } from '../support/http.ts'
import { imageOf } from '../support/images.ts'
import { writeLayout } from '../support/oci-layout.ts'
import { startPostgres } from '../support/postgres.ts'
import { startProcess } from '../support/process.ts'
import { fileScope, temporaryFolder } from '../support/scope.ts'
import { copyImage, skopeoFor } from '../support/skopeo.ts'
import { until } from '../support/until.ts'

type MadeToken = TokenDescription & { readonly token: string }

const ALICE = { username: 'alice', password: 'alice-secret' }
const USERS = { alice: 'alice-secret', bob: 'bob-secret' }
const ACCESS = [
  { repositories: ['team-a/**', 'team-b/**'], push: ['robot:ci'], delete: ['robot:ci'] },
  { repositories: ['**'], pull: ['alice', 'bob'], push: ['alice'] },
  { catalog: ['$authenticated'], admin: ['alice'] },
]
const OF_A_SEASON = { repositories: ['season/**'], pull: ['robot:season'] }

let gateway: RunningGateway
/** An image as skopeo names it, which is in `team-a/app` and `team-b/app`, too. */
let image: string
const scope = fileScope()
before(async () => {
  gateway = await startGateway(scope, {
    users: USERS,
    config: { access: [...ACCESS, OF_A_SEASON], logging: { format: 'json', level: 'debug' } },
  })
  const [folder, skopeo] = [await temporaryFolder(scope), await skopeoFor(scope)]
  await writeLayout(folder, { '1.0': imageOf() })
  image = `oci:${folder}:1.0`
  const { host, caFolder } = gateway
  for (const name of ['team-a/app', 'team-b/app'])
    await copyImage(
      skopeo,
      { image },
      { image: `docker://${host}/${name}:1.0`, credentials: 'alice:alice-secret', caFolder },
    )
})

test('a robot logs in, pushes and pulls with skopeo, within its token', async (t) => {
  const { host, caFolder } = gateway
  const { token } = await make(gateway, { repositories: ['team-a/**'], can: ['push'] })
  const skopeo = await skopeoFor(t)
  await skopeo('login', host, `--cert-dir=${caFolder}`, '--username=robot:ci', `--password=${token}`)
  const remote = `docker://${host}/team-a/pushed:1.0`
  await skopeo('copy', `--dest-cert-dir=${caFolder}`, image, remote)
  await skopeo('inspect', `--cert-dir=${caFolder}`, remote)
  const there = { image: `docker://${host}/team-b/pushed:1.0`, credentials: `robot:ci:${token}`, caFolder }
  await assert.rejects(copyImage(skopeo, { image }, there))
})

test('a listing shows what the token’s patterns name, by Basic and by Bearer', async () => {
  const { token } = await make(gateway, { repositories: ['team-a/a*'], can: ['pull', 'catalog'] })
  const listed = (answer: Answer) => answer.json<{ repositories: string[] }>().repositories
  assert.deepEqual(listed(await asRobot(gateway, token)('/v2/_catalog')), ['team-a/app'])
  const bearer = await bearerFor(gateway, token, 'registry:catalog:*')
  assert.deepEqual(listed(await ask(gateway, '/v2/_catalog', { token: bearer })), ['team-a/app'])
})

test('a token allows what its grants and its patterns both allow', async () => {
  const { token } = await make(gateway, { repositories: ['team-a/**', 'other/**'], can: ['pull', 'push'] })
  const asked = asRobot(gateway, token)
  assert.equal((await asked('/v2/')).status, 200)
  assert.equal((await asked('/v2/team-a/app/tags/list')).status, 200)
  assert.equal((await asked('/v2/team-a/app/blobs/uploads/', { method: 'POST' })).status, 202)
  assert.equal((await asked('/v2/team-b/app/tags/list')).status, 403)
  assert.equal((await asked('/v2/other/app/tags/list')).status, 403)
  assert.equal((await asked('/v2/team-a/app/manifests/1.0', { method: 'DELETE' })).status, 403)
  assert.equal((await asked('/v2/_catalog')).status, 403)
  const wide = 'repository:team-b/app:pull,push'
  const bearer = await bearerFor(gateway, token, wide)
  assert.equal((await ask(gateway, '/v2/team-b/app/tags/list', { token: bearer })).status, 401)
})

test('a token made by the command line is good at once, and its revocation holds, for Bearer tokens too', async () => {
  const { stdout } = await runCli(gateway.folder, [
    'token',
    'create',
    '--for=ci',
    '-c',
    'dockgate.yml',
    '--json',
  ])
  const { token, id } = JSON.parse(stdout) as MadeToken // printed by the command under test
  const bearer = await bearerFor(gateway, token, 'repository:team-a/app:pull')
  const statuses = async () => [
    (await asRobot(gateway, token)('/v2/')).status,
    (await ask(gateway, '/v2/', { token: bearer })).status,
  ]
  assert.deepEqual(await statuses(), [200, 200])
  assert.equal((await runCli(gateway.folder, ['token', 'revoke', id, '-c', 'dockgate.yml'])).code, 0)
  await until('both are refused', async () => (await statuses()).every((status) => status === 401))
})

test('the form of the token endpoint takes a robot’s name and token', async () => {
  const { token } = await make(gateway, {})
  const form = {
    grant_type: 'password',
    username: 'robot:ci',
    password: token,
    service: 'dockgate',
    client_id: 'test',
  }
  const answer = await ask(gateway, '/token', {
    method: 'POST',
    body: new URLSearchParams({ ...form, scope: 'repository:team-a/app:pull' }).toString(),
    headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
  })
  const { access_token: bearer, refresh_token: refresh } = answer.json<Record<string, string>>()
  assert.equal((await ask(gateway, '/v2/team-a/app/tags/list', { token: bearer ?? '' })).status, 200)
  assert.equal(refresh, undefined)
})

test('a token under another name, a made-up one and garbage are refused', async () => {
  const { token } = await make(gateway, { for: 'alice' })
  const statusOf = async (username: string, password: string) =>
    (await ask(gateway, '/v2/', { account: { username, password } })).status
  assert.equal(await statusOf('alice', token), 200)
  assert.equal(await statusOf('bob', token), 401)
  assert.equal(await statusOf('robot:alice', token), 401)
  assert.equal(await statusOf('alice', createTokenText().text), 401)
  assert.equal(await statusOf('alice', `${token}x`), 401)
  assert.equal(await statusOf('alice', 'dg_'), 401)
})

test('an administrator’s token does not administer', async () => {
  const { token } = await make(gateway, { for: 'alice' })
  const account = { username: 'alice', password: token }
  assert.equal((await send(`${gateway.adminUrl}/api/tokens`, { account })).status, 403)
  assert.equal((await send(`${gateway.adminUrl}/api/stores`, { account })).status, 403)
})

test('an expired token is refused', async () => {
  const { token } = await make(gateway, { expiresAt: new Date(Date.now() + 2000).toISOString() })
  await until('it has expired', async () => (await asRobot(gateway, token)('/v2/')).status === 401)
})

test('a grant that is withdrawn is withdrawn from tokens', async () => {
  const { token } = await make(gateway, { for: 'season' })
  const headers = basic('robot:season', token)
  const status = async () => (await ask(gateway, '/v2/season/app/tags/list', { headers })).status
  assert.equal(await status(), 404)
  await writeConfig(gateway.configFile, { access: ACCESS })
  await until('it is refused', async () => (await status()) === 403)
})

test('a personal token outlives a password, and ends with its account', async () => {
  const lasting = await make(gateway, { for: 'bob' })
  const tied = await make(gateway, { for: 'bob', endsWithPassword: true })
  const statusOf = async (password: string) =>
    (await ask(gateway, '/v2/', { account: { username: 'bob', password } })).status
  assert.deepEqual([await statusOf(lasting.token), await statusOf(tied.token)], [200, 200])
  await writePasswords(gateway.folder, { ...USERS, bob: 'new' })
  await until('one ends with the password', async () => (await statusOf(tied.token)) === 401)
  assert.equal(await statusOf(lasting.token), 200)
  await writePasswords(gateway.folder, { alice: USERS.alice })
  await until('the other one ends with the account', async () => (await statusOf(lasting.token)) === 401)
})

test('no line of the log holds a token', () => {
  assert.ok(gateway.program.log().includes('robot:ci'))
  assert.equal(gateway.program.log().includes('dg_'), false)
})

test('a revocation that was answered outlives a kill right after it, of the gateway or the command', async (t) => {
  const killed = await startGateway(t, { config: { access: ACCESS } })
  const { folder } = killed
  const [byGateway, byCommand] = [await make(killed, {}), await make(killed, {})]
  const path = `/api/tokens/${byGateway.id}`
  assert.equal((await send(killed.adminUrl + path, { method: 'DELETE', account: ALICE })).status, 200)
  await killed.program.kill()
  const command = await startProcess(t, process.execPath, {
    args: [MAIN, 'token', 'revoke', byCommand.id, '-c', 'dockgate.yml'],
    cwd: folder,
    ready: (program) => program.output().includes('revoked'),
  })
  await command.kill()
  const restarted = await startGateway(t, { config: { access: ACCESS }, folder })
  assert.equal((await asRobot(restarted, byGateway.token)('/v2/')).status, 401)
  assert.equal((await asRobot(restarted, byCommand.token)('/v2/')).status, 401)
  const lasting = await make(restarted, {})
  assert.equal((await asRobot(restarted, lasting.token)('/v2/')).status, 200)
  await restarted.program.stop()
  const { stdout } = await runCli(folder, ['token', 'list', '-c', 'dockgate.yml', '--json'])
  const [left, ...others] = JSON.parse(stdout) as TokenDescription[] // printed by the command
  assert.deepEqual([left?.id, others], [lasting.id, []])
  assert.ok(typeof left?.lastUsedAt === 'string', 'its use was recorded')
})

test('two gateways share tokens in Postgres; without it they refuse tokens with 503 and nothing else', async (t) => {
  const postgres = await startPostgres(t)
  const auth = { htpasswd: { file: 'htpasswd' }, accounts: { postgres: { url: postgres.url } } }
  const config = { access: ACCESS, auth }
  const [one, other] = await Promise.all([startGateway(t, { config }), startGateway(t, { config })])
  const [robot, personal] = [await make(one, {}), await make(one, { for: 'alice' })]
  const statuses = async () => [
    (await asRobot(one, robot.token)('/v2/')).status,
    (await asRobot(other, robot.token)('/v2/')).status,
  ]
  const statusOf = async (password: string) =>
    (await ask(one, '/v2/', { account: { username: 'alice', password } })).status
  assert.deepEqual(await statuses(), [200, 200])
  await postgres.kill()
  await until('tokens are refused', async () => (await statuses()).every((status) => status === 503))
  assert.equal(await statusOf(personal.token), 503)
  assert.equal(await statusOf('alice-secret'), 200)
  const late = await startGateway(t, { config })
  assert.equal((await asRobot(late, robot.token)('/v2/')).status, 503)
  await postgres.restart()
  await until('tokens are good again', async () => (await statuses()).every((status) => status === 200))
  await until('for who came late, too', async () => (await asRobot(late, robot.token)('/v2/')).status === 200)
  assert.equal((await runCli(other.folder, ['token', 'revoke', robot.id, '-c', 'dockgate.yml'])).code, 0)
  await until('both refuse it', async () => (await statuses()).every((status) => status === 401))
})

/** As alice, who administers; for the robot ci where nobody else is named, for ever and for everything. */
async function make(
  { adminUrl }: RunningGateway,
  { for: name = 'ci', ...input }: Readonly<Record<string, unknown>>,
): Promise<MadeToken> {
  const robot = name === 'ci' || name === 'season'
  const answer = await send(`${adminUrl}/api/tokens`, {
    method: 'POST',
    account: ALICE,
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ for: name, robot, expiresAt: null, ...input }),
  })
  assert.equal(answer.status, 201, answer.text())
  return answer.json<MadeToken>()
}

async function bearerFor(from: RunningGateway, token: string, asked: string): Promise<string> {
  const answer = await asRobot(from, token)(`/token?scope=${encodeURIComponent(asked)}`)
  return answer.json<{ token: string }>().token
}

function asRobot(from: RunningGateway, token: string) {
  return (path: string, options: RequestOptions = {}) =>
    ask(from, path, { headers: basic('robot:ci', token), ...options })
}

function ask({ url, ca }: RunningGateway, path: string, options: RequestOptions): Promise<Answer> {
  return send(url + path, { ca, ...options })
}

function basic(name: string, password: string): Record<string, string> {
  return { Authorization: `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}` }
}

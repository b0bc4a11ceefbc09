// Password files through the whole gateway: realms, changes while it runs, and names that look like something else.
import assert from 'node:assert/strict'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { hash } from 'bcrypt'
import { runCli } from '../cli/run-cli.ts'
import { startGateway, type GatewayOptions, type RunningGateway } from '../support/gateway.ts'
import { htpasswdLine } from '../support/htpasswd.ts'
import { send, type Answer, type RequestOptions } from '../support/http.ts'
import { temporaryFolder, type Scope } from '../support/scope.ts'
import { until } from '../support/until.ts'

const LISTEN = [{ address: '127.0.0.1:0' }]

/** Two files with an alice of their own, for a host each; and one for the repositories below `c`. */
async function startRealms(t: Scope, auth: object = {}): Promise<RunningGateway> {
  const folder = await temporaryFolder(t)
  const write = async (file: string, ...lines: Promise<string>[]) =>
    writeFile(join(folder, file), (await Promise.all(lines)).join('\n'))
  await write('a.htpasswd', htpasswdLine('alice', 'of A'))
  await write('b.htpasswd', htpasswdLine('alice', 'of B'))
  await write('c.htpasswd', htpasswdLine('carol', 'of C'), htpasswdLine('dave', 'of C'))
  const htpasswd = [
    { file: 'a.htpasswd', realm: 'Team A', hosts: ['a.test'] },
    { file: 'b.htpasswd', realm: 'Team B', hosts: ['b.test'] },
    { file: 'c.htpasswd', realm: 'Team C', repositories: ['c/**'] },
  ]
  const config = { listen: LISTEN, auth: { htpasswd, ...auth } }
  return startGateway(t, { folder, config })
}

function ask(
  { url }: RunningGateway,
  path: string,
  host: string,
  credential: Pick<RequestOptions, 'account' | 'token' | 'method'> = {},
): Promise<Answer> {
  return send(url + path, { ...credential, headers: { Host: host } })
}

const account = (username: string, password: string) => ({ account: { username, password } })

test('each host has accounts of its own, and their tokens are good there alone', async (t) => {
  const gateway = await startRealms(t)
  const statusOf = async (path: string, host: string, credential: object) =>
    (await ask(gateway, path, host, credential)).status
  const [ofA, ofB] = [account('alice', 'of A'), account('alice', 'of B')]
  assert.equal(await statusOf('/v2/', 'a.test', ofA), 200)
  assert.equal(await statusOf('/v2/', 'b.test', ofA), 401)
  assert.equal(await statusOf('/v2/', 'b.test', ofB), 200)
  assert.equal(await statusOf('/v2/', 'c.test', ofA), 401)
  const scope = '/token?scope=repository:x/y:pull&offline_token=true'
  const { token, refresh_token } = (await ask(gateway, scope, 'a.test', ofA)).json<Record<string, string>>()
  assert.equal(await statusOf('/v2/x/y/tags/list', 'a.test', { token }), 404)
  assert.equal(await statusOf('/v2/x/y/tags/list', 'b.test', { token }), 401)
  const refresh = (host: string) =>
    send(`${gateway.url}/token`, {
      method: 'POST',
      headers: { Host: host, 'Content-Type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({
        grant_type: 'refresh_token',
        refresh_token: refresh_token ?? '',
      }).toString(),
    })
  assert.equal((await refresh('a.test')).status, 200)
  assert.equal((await refresh('b.test')).status, 401)
})

test('an account of some repositories reaches no others, by no path and by no token', async (t) => {
  const gateway = await startRealms(t)
  const carol = account('carol', 'of C')
  const statusOf = async (path: string, credential: object) =>
    (await ask(gateway, path, 'a.test', credential)).status
  assert.equal(await statusOf('/v2/c/app/tags/list', carol), 404)
  assert.equal(await statusOf('/v2/d/app/tags/list', carol), 401)
  const scope = 'scope=repository:c/app:pull&scope=repository:d/app:pull&scope=registry:catalog:*'
  const { token } = (await ask(gateway, `/token?${scope}`, 'a.test', carol)).json<{ token: string }>()
  const [, claims = ''] = token.split('.')
  const { access } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as { access: { name: string }[] }
  assert.deepEqual(access.map(({ name }) => name).toSorted(), ['c/app', 'catalog'])
  assert.equal(await statusOf('/token?scope=repository:d/app:pull', carol), 401)
  assert.equal(await statusOf('/v2/d/app/tags/list', { token }), 401)
})

test('a Basic challenge names the realm of the host', async (t) => {
  const gateway = await startRealms(t, { token: 'off' })
  const challengeOf = async (host: string, path = '/v2/') =>
    (await ask(gateway, path, host)).headers['www-authenticate']
  assert.match((await challengeOf('a.test')) ?? '', /^Basic realm="Team A"/)
  assert.match((await challengeOf('b.test')) ?? '', /^Basic realm="Team B"/)
  assert.match((await challengeOf('z.test', '/v2/c/app/tags/list')) ?? '', /^Basic realm="Team C"/)
  assert.match((await challengeOf('z.test', '/v2/d/app/tags/list')) ?? '', /^Basic realm="dockgate"/)
})

test('what `dockgate user` does counts at once in the gateway that runs', async (t) => {
  const gateway = await startGateway(t, { config: { listen: LISTEN, auth: unthrottled() } })
  const user = (...args: string[]) =>
    runCli(gateway.folder, ['user', ...args, '--config', gateway.configFile])
  const statusOf = async (name: string, password: string) =>
    (await ask(gateway, '/v2/', 'any', account(name, password))).status
  const added = (await user('add', 'carol', '--generate')).stdout.trim()
  await until('carol is let in', async () => (await statusOf('carol', added)) === 200)
  const changed = (await user('passwd', 'carol', '--generate')).stdout.trim()
  await until('the old password is refused', async () => (await statusOf('carol', added)) === 401)
  assert.equal(await statusOf('carol', changed), 200)
  await user('remove', 'carol')
  await until('carol is gone', async () => (await statusOf('carol', changed)) === 401)
  assert.equal(await statusOf('alice', 'alice-secret'), 200)
})

test('a change of one account leaves what was verified of the others: they are let in while nothing can be hashed', async (t) => {
  const folder = await temporaryFolder(t)
  const file = join(folder, 'passwords')
  const lineOf = async (name: string, password: string) => `${name}:${await hash(password, 10)}\n`
  const bob = await lineOf('bob', 'b')
  await writeFile(file, (await lineOf('alice', 'old')) + bob)
  // What waits for a hash is counted by each process.
  const config = { workers: 1, listen: LISTEN, auth: unthrottled(file) }
  const gateway = await startGateway(t, { config })
  const statusOf = async (name: string, password: string) =>
    (await ask(gateway, '/v2/', 'any', account(name, password))).status
  assert.deepEqual([await statusOf('alice', 'old'), await statusOf('bob', 'b')], [200, 200])
  await writeFile(file, (await lineOf('alice', 'new')) + bob)
  await until('alice’s change is taken over', async () => (await statusOf('alice', 'old')) === 401)
  const statuses: number[] = []
  const guesses = Array.from({ length: 30 }, async (_, index) => {
    statuses.push(await statusOf(`nobody ${index}`, 'x'))
  })
  await until('no further hash is computed for this address', () => statuses.includes(503))
  assert.equal(await statusOf('bob', 'b'), 200)
  await Promise.all(guesses)
})

test('of several files one that makes no sense keeps its accounts, the log says so, and the others are read', async (t) => {
  const gateway = await startRealms(t)
  const statusOf = async (host: string, password: string) =>
    (await ask(gateway, '/v2/', host, account('alice', password))).status
  await rm(join(gateway.folder, 'a.htpasswd'))
  await writeFile(join(gateway.folder, 'b.htpasswd'), await htpasswdLine('alice', 'changed'))
  gateway.program.signal('SIGHUP')
  await until('the log says so', () =>
    gateway.log().some((line) => line['level'] === 'error' && line['what'] === 'password file'),
  )
  assert.equal(await statusOf('a.test', 'of A'), 200)
  assert.equal(await statusOf('b.test', 'changed'), 200)
  assert.equal(await statusOf('b.test', 'of B'), 401)
})

test('an account that is called like a principal, a group or a namespace is an account like any other', async (t) => {
  const access = [
    { repositories: ['public/**'], pull: ['$anonymous'] },
    { repositories: ['team-a/**'], push: ['@team-a'] },
    { repositories: ['users/${user}/**'], push: ['$authenticated'] },
  ]
  const options: GatewayOptions = {
    users: { anonymous: 'x', authenticated: 'x', 'team-a': 'x', alice: 'x' },
    config: {
      listen: LISTEN,
      access,
      auth: { htpasswd: { file: 'htpasswd' }, groups: { 'team-a': ['alice'] }, throttle: 'off' },
    },
  }
  const gateway = await startGateway(t, options)
  const path = join(gateway.folder, 'htpasswd')
  const lines = await readFile(path, 'utf8')
  const reserved = ['$anonymous', '$authenticated', '@team-a'].map((name) => htpasswdLine(name, 'x'))
  await writeFile(path, `${(await Promise.all(reserved)).join('\n')}\n${lines}`)
  await until('the names are reported', () =>
    ['$anonymous', '$authenticated', '@team-a'].every((name) =>
      gateway.log().some((line) => line['name'] === name),
    ),
  )
  const push = async (name: string, repository: string) =>
    (await ask(gateway, `/v2/${repository}/blobs/uploads/`, 'any', { ...account(name, 'x'), method: 'POST' }))
      .status
  assert.equal(await push('alice', 'team-a/app'), 202)
  assert.equal(await push('team-a', 'team-a/app'), 403)
  assert.equal(await push('team-a', 'users/team-a/app'), 202)
  assert.equal(await push('anonymous', 'public/app'), 403)
  assert.equal(await push('authenticated', 'users/alice/app'), 403)
  for (const name of ['$anonymous', '$authenticated', '@team-a'])
    assert.equal(await push(name, 'users/alice/app'), 401)
})

/** Logins are waited for here by trying them again and again. */
function unthrottled(file = 'htpasswd'): object {
  return { htpasswd: { file }, throttle: 'off' }
}

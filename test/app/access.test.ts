import assert from 'node:assert/strict'
import { test } from 'node:test'
import { digestOf } from '../../src/oci/digest.ts'
import { startGateway, writeConfig, type RunningGateway } from '../support/gateway.ts'
import { send, type Answer, type RequestOptions } from '../support/http.ts'
import { imageOf } from '../support/images.ts'
import { known } from '../support/known.ts'
import type { Scope } from '../support/scope.ts'
import { until } from '../support/until.ts'

const PLAIN = { listen: [{ address: '127.0.0.1:0' }] }
/** Behind a proxy on this machine, which says where a request comes from. */
const BEHIND_PROXY = { ...PLAIN, trustedProxies: ['127.0.0.1'] }
const IMAGE = imageOf()
const MISSING = digestOf('nothing')

/** An account whose password is its name. */
const as = (username: string) => ({ account: { username, password: username } })
const forwarded = (value: string | string[], name = 'alice'): RequestOptions => ({
  ...as(name),
  headers: { 'X-Forwarded-For': value },
})

interface Client {
  readonly gateway: RunningGateway
  readonly ask: (path: string, options?: RequestOptions) => Promise<Answer>
  readonly statusOf: (path: string, options?: RequestOptions) => Promise<number>
}

async function start(
  t: Scope,
  config: Readonly<Record<string, unknown>>,
  names: readonly string[] = ['alice', 'bob'],
): Promise<Client> {
  const users = Object.fromEntries(names.map((name) => [name, name]))
  const gateway = await startGateway(t, { config: { ...PLAIN, ...config }, users })
  const ask = (path: string, options?: RequestOptions) => send(gateway.url + path, options)
  return { gateway, ask, statusOf: async (path, options) => (await ask(path, options)).status }
}

/** Pushes an image under the tag `1`. */
async function push({ ask }: Client, repository: string, account: RequestOptions): Promise<void> {
  for (const { digest, bytes } of IMAGE.blobs) {
    const answer = await ask(`/v2/${repository}/blobs/uploads/?digest=${digest}`, {
      ...account,
      method: 'POST',
      body: bytes,
    })
    assert.equal(answer.status, 201, answer.text())
  }
  const { mediaType, bytes } = IMAGE.manifest
  const headers = { ...account.headers, 'Content-Type': mediaType }
  const put = await ask(`/v2/${repository}/manifests/1`, { ...account, method: 'PUT', headers, body: bytes })
  assert.equal(put.status, 201, put.text())
}

async function tokenFor({ ask }: Client, scope: string, options: RequestOptions): Promise<string> {
  const answer = await ask(`/token?scope=${scope}`, options)
  return answer.json<{ token: string }>().token
}

const FROM_OFFICE = { access: [{ repositories: ['team/**'], push: ['alice'], from: ['10.0.0.0/8'] }] }

test('who is no trusted proxy can not say where a request comes from', async (t) => {
  const { statusOf } = await start(t, FROM_OFFICE)
  const tags = '/v2/team/app/tags/list'
  assert.equal(await statusOf(tags, as('alice')), 403)
  for (const name of ['X-Forwarded-For', 'Forwarded', 'X-Real-IP', 'X-Client-IP', 'X_Forwarded_For'])
    assert.equal(
      await statusOf(tags, {
        ...as('alice'),
        headers: { [name]: name === 'Forwarded' ? 'for=10.1.2.3' : '10.1.2.3' },
      }),
      403,
      name,
    )
})

test('behind a trusted proxy the last address that it does not trust counts, whatever the client wrote', async (t) => {
  const { statusOf } = await start(t, { ...FROM_OFFICE, ...BEHIND_PROXY })
  const tags = '/v2/team/app/tags/list'
  const inside = ['10.1.2.3', '::ffff:10.1.2.3', '198.51.100.1, 10.1.2.3', '10.1.2.3, 127.0.0.1']
  for (const value of inside) assert.equal(await statusOf(tags, forwarded(value)), 404, value)
  const outside = ['198.51.100.1', '10.1.2.3, 198.51.100.1', '10.1.2.3, ', '10.1.2.3, unknown', '10.1.2.3:80']
  for (const value of outside) assert.equal(await statusOf(tags, forwarded(value)), 403, value)
  assert.equal(await statusOf(tags, forwarded(['10.1.2.3', '198.51.100.1'])), 403)
})

test('a token that was got inside is worth nothing outside, and outside none is got', async (t) => {
  const client = await start(t, { ...FROM_OFFICE, ...BEHIND_PROXY })
  const inside = await tokenFor(client, 'repository:team/app:pull,push', forwarded('10.1.2.3'))
  const outside = await tokenFor(client, 'repository:team/app:pull,push', forwarded('198.51.100.1'))
  const statusWith = (token: string, address: string) =>
    client.statusOf('/v2/team/app/tags/list', { token, headers: { 'X-Forwarded-For': address } })
  assert.equal(await statusWith(inside, '10.9.9.9'), 404)
  assert.equal(await statusWith(inside, '198.51.100.1'), 403)
  assert.equal(await statusWith(outside, '10.9.9.9'), 401)
})

test('a grant that is withdrawn is gone for logins, and for tokens that were got before', async (t) => {
  const client = await start(t, { access: [{ repositories: ['**'], push: ['alice'] }] })
  await push(client, 'team/app', as('alice'))
  const manifest = '/v2/team/app/manifests/1'
  const token = await tokenFor(client, 'repository:team/app:pull,push', as('alice'))
  assert.deepEqual(
    [await client.statusOf(manifest, as('alice')), await client.statusOf(manifest, { token })],
    [200, 200],
  )
  await writeConfig(client.gateway.configFile, {
    ...PLAIN,
    access: [{ repositories: ['b'], push: ['alice'] }],
  })
  await until('the login is refused', async () => (await client.statusOf(manifest, as('alice'))) === 403)
  assert.equal(await client.statusOf(manifest, { token }), 403)
  const upload = '/v2/team/app/blobs/uploads/'
  assert.equal(await client.statusOf(upload, { token, method: 'POST' }), 403)
})

test("another account can do nothing with an upload's URL, the account that began it goes on", async (t) => {
  const { ask, statusOf } = await start(t, { access: [{ repositories: ['**'], push: ['$authenticated'] }] })
  const started = await ask('/v2/team/app/blobs/uploads/', { ...as('alice'), method: 'POST' })
  const path = new URL(started.headers.location ?? '').pathname
  const [bytes, bob] = [Buffer.from('bytes'), as('bob')]
  const finish = `${path}?digest=${digestOf(bytes)}`
  const refused = [
    await statusOf(path, bob),
    await statusOf(path, { ...bob, method: 'PATCH', body: bytes }),
    await statusOf(finish, { ...bob, method: 'PUT', body: bytes }),
    await statusOf(path, { ...bob, method: 'DELETE' }),
  ]
  assert.deepEqual(refused, [404, 404, 404, 404])
  const answer = await ask(path, bob)
  assert.equal(answer.json<{ errors: [{ code: string }] }>().errors[0].code, 'BLOB_UPLOAD_UNKNOWN')
  assert.equal(await statusOf(path, { ...as('alice'), method: 'PATCH', body: bytes }), 202)
  assert.equal(await statusOf(finish, { ...as('alice'), method: 'PUT' }), 201)
})

test('lists show what the caller may pull, and a mount takes from nowhere else', async (t) => {
  const client = await start(t, {
    access: [
      { repositories: ['alice/**', 'shared/**'], push: ['alice'] },
      { repositories: ['shared/**'], pull: ['bob'] },
      { repositories: ['bob/**'], push: ['bob'] },
      { catalog: ['$authenticated'] },
    ],
  })
  await push(client, 'alice/secret', as('alice'))
  await push(client, 'shared/app', as('alice'))
  const { ask, statusOf } = client
  const catalog = async (name: string) =>
    (await ask('/v2/_catalog', as(name))).json<{ repositories: string[] }>().repositories
  assert.deepEqual(await catalog('alice'), ['alice/secret', 'shared/app'])
  assert.deepEqual(await catalog('bob'), ['shared/app'])
  assert.equal(await statusOf('/v2/alice/secret/tags/list', as('bob')), 403)
  assert.equal(await statusOf(`/v2/alice/secret/referrers/${MISSING}`, as('bob')), 403)
  const { digest } = known(IMAGE.blobs[0])
  const mount = (from: string, account: RequestOptions) =>
    statusOf(`/v2/bob/app/blobs/uploads/?mount=${digest}&from=${from}`, { ...account, method: 'POST' })
  assert.equal(await mount('shared/app', as('bob')), 201)
  // Whoever may push asks for a mount from what only others see: it looks like a blob that is not there.
  assert.equal(await mountUnseen(client), 202)
})

/** What bob gets for the mount of a blob that is in `alice/secret` alone. */
async function mountUnseen({ ask, statusOf }: Client): Promise<number> {
  const bytes = Buffer.from('in no other repository')
  const digest = digestOf(bytes)
  const account = as('alice')
  await ask(`/v2/alice/secret/blobs/uploads/?digest=${digest}`, { ...account, method: 'POST', body: bytes })
  const mount = `/v2/bob/app/blobs/uploads/?mount=${digest}&from=alice/secret`
  return statusOf(mount, { ...as('bob'), method: 'POST' })
}

test('with hidden repositories, one that is there is answered like one that is not', async (t) => {
  const client = await start(t, {
    hideRepositories: true,
    access: [
      { repositories: ['alice/**'], push: ['alice'] },
      { repositories: ['open/**'], pull: ['bob'] },
    ],
  })
  await push(client, 'alice/qqq', as('alice'))
  const { digest } = IMAGE.manifest
  const answers = async (name: string, account: RequestOptions) => {
    const paths = [
      'manifests/1',
      `manifests/${digest}`,
      `blobs/${digest}`,
      'tags/list',
      `referrers/${digest}`,
    ]
    const all = await Promise.all([
      ...paths.map((path) => client.ask(`/v2/alice/${name}/${path}`, account)),
      client.ask(`/v2/alice/${name}/manifests/1`, { ...account, method: 'DELETE' }),
      client.ask(`/v2/alice/${name}/blobs/uploads/`, { ...account, method: 'POST' }),
    ])
    return all.map(({ status, headers, body }) => {
      const { date: _, ...told } = headers
      return {
        status,
        headers: JSON.stringify(told).replaceAll(name, 'NAME'),
        body: body.toString().replaceAll(name, 'NAME'),
      }
    })
  }
  // Names of one length: they stand in the answers.
  const [there, missing] = [await answers('qqq', as('bob')), await answers('xyz', as('bob'))]
  assert.deepEqual(there, missing)
  assert.deepEqual(new Set(there.map(({ status }) => status)), new Set([404]))
  assert.match(there[0]?.body ?? '', /"NAME_UNKNOWN"/)
  // Where they may pull, they are told what they may not do; where a login could help, they are asked for one.
  assert.equal(await client.statusOf('/v2/open/app/blobs/uploads/', { ...as('bob'), method: 'POST' }), 403)
  const [asked, other] = [await answers('qqq', {}), await answers('xyz', {})]
  assert.deepEqual(asked, other)
  assert.deepEqual(new Set(asked.map(({ status }) => status)), new Set([401]))
})

test('no spelling of a name reaches a repository that the name itself does not', async (t) => {
  const client = await start(t, {
    access: [
      { repositories: ['**'], push: ['alice'] },
      { repositories: ['open/**'], pull: ['bob'] },
    ],
  })
  await push(client, 'team/secret', as('alice'))
  await push(client, 'open/app', as('alice'))
  const names = [
    'team%2Fsecret',
    'team%2fsecret',
    'Team/secret',
    'TEAM/SECRET',
    'open/../team/secret',
    'open/%2e%2e/team/secret',
    'open%2F..%2Fteam/secret',
    'open//team/secret',
    './team/secret',
    'team/secret%00',
    'team/secret%20',
    'team\\secret',
    'team/./secret',
    'open/app/../../team/secret',
    '%74eam/secret',
  ]
  for (const name of names) {
    const status = await client.statusOf(`/v2/${name}/manifests/1`, as('bob'))
    assert.ok([400, 403, 404].includes(status), `${name}: ${status}`)
  }
  for (const scope of ['repository:open/../team/secret:pull', 'repository:team%252Fsecret:pull']) {
    const token = await tokenFor(client, scope, as('bob'))
    assert.equal(await client.statusOf('/v2/team/secret/manifests/1', { token }), 403)
  }
})

test('GET /v2/ challenges as soon as anything needs a login', async (t) => {
  const open = { repositories: ['**'], pull: ['$anonymous'], push: ['$anonymous'], delete: ['$anonymous'] }
  const [pushes, everything] = await Promise.all([
    start(t, { access: [{ repositories: ['**'], pull: ['$anonymous'], push: ['alice'] }] }),
    start(t, { access: [open] }),
  ])
  assert.equal(await pushes.statusOf('/v2/'), 401)
  assert.equal(await pushes.statusOf('/v2/', as('alice')), 200)
  assert.equal(await everything.statusOf('/v2/'), 200)
})

test('what an account is called gives it nothing that is not granted to that name', async (t) => {
  const odd = [
    'anonymous',
    'authenticated',
    'team-a',
    'ops',
    'a.b',
    '**',
    '*',
    '..',
    'alice/sub',
    '${user}',
    'ALICE',
  ]
  const { statusOf } = await start(
    t,
    {
      auth: { htpasswd: { file: 'htpasswd' }, groups: { ops: ['alice'] } },
      access: [
        { repositories: ['users/${user}/**'], push: ['$authenticated'] },
        { repositories: ['team-a/**', 'secret'], push: ['@ops'] },
      ],
    },
    ['alice', ...odd],
  )
  const reached = async (name: string) => {
    const repositories = ['users/alice/x', 'users/team-a/x', 'team-a/x', 'secret']
    const found = await Promise.all(
      repositories.map((each) =>
        statusOf(`/v2/${each}/tags/list`, as(name)).then((status) => status === 404),
      ),
    )
    return repositories.filter((_, index) => found[index])
  }
  assert.deepEqual(await reached('alice'), ['users/alice/x', 'team-a/x', 'secret'])
  for (const name of odd)
    assert.deepEqual(await reached(name), name === 'team-a' ? ['users/team-a/x'] : [], name)
  assert.equal(await statusOf('/v2/users/a.b/x/tags/list', as('a.b')), 404)
  assert.equal(await statusOf('/v2/users/anonymous/x/tags/list', as('anonymous')), 404)
})

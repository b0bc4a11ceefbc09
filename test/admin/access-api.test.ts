import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import express from 'express'
import { createPolicy } from '../../src/access/grants-policy.ts'
import { ANONYMOUS, type Identity } from '../../src/access/identity.ts'
import { createNaming } from '../../src/access/naming.ts'
import { ReplaceablePolicy } from '../../src/access/replaceable-policy.ts'
import { accessApi } from '../../src/admin/access-api.ts'
import type { AdminCaller } from '../../src/admin/admin-auth.ts'
import type { Authenticator } from '../../src/auth/authenticator.ts'
import { send, type Answer } from '../support/http.ts'
import { atEnd, type Scope } from '../support/scope.ts'

const TOKEN = 'local-token'
const AUTHENTICATOR: Authenticator = {
  authenticate(authorization): Identity {
    if (authorization === undefined) return ANONYMOUS
    const [name = ''] = Buffer.from(authorization.slice('Basic '.length), 'base64').toString().split(':')
    return { name, method: 'basic' }
  },
}
const GRANTS = [
  { repositories: ['team/**'], push: ['alice', '@ldap:ops'], from: ['10.0.0.0/8'], line: 3 },
  { admin: ['olga'], from: ['127.0.0.1'] },
]

interface Started {
  readonly policy: ReplaceablePolicy
  readonly callers: AdminCaller[]
  readonly ask: (query: string, name?: string) => Promise<Answer>
  readonly local: (query: string) => Promise<Answer>
}

async function start(t: Scope, clientAddress = '127.0.0.1'): Promise<Started> {
  const policy = new ReplaceablePolicy(createPolicy({ grants: GRANTS }))
  const naming = createNaming({ namespaces: ['docker.io'], defaultNamespaces: new Map() })
  const callers: AdminCaller[] = []
  const api = accessApi({
    authenticator: AUTHENTICATOR,
    policy,
    localToken: TOKEN,
    clientAddress: () => clientAddress,
    onCaller: (_req, caller) => callers.push(caller),
    canonicalName: (name) => naming.canonical({ name, host: undefined }),
  })
  const server = createServer(express().use('/api/access', api)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  atEnd(t, () => server.closeAllConnections())
  atEnd(t, () => void server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/access/explain`
  return {
    policy,
    callers,
    ask: (query, username) =>
      send(`${url}?${query}`, username === undefined ? {} : { account: { username, password: 'x' } }),
    local: (query) => send(`${url}?${query}`, { headers: { Authorization: `Local ${TOKEN}` } }),
  }
}

test('it answers from the grants in force', async (t) => {
  const { local, policy } = await start(t)
  const query = 'user=alice&action=pull&repository=team/web&from=10.1.2.3'
  const before = await local(query)
  assert.equal(before.status, 200)
  assert.deepEqual(before.json(), {
    user: 'alice',
    action: 'pull',
    repository: 'team/web',
    allowed: true,
    granted: {
      grant: 0,
      line: 3,
      word: 'push',
      principal: 'alice',
      pattern: 'team/**',
      from: ['10.0.0.0/8'],
    },
    fromElsewhere: [],
    toOthers: [],
    instead: [],
  })
  policy.replace(createPolicy({ grants: [] }))
  assert.equal((await local(query)).json<{ allowed: boolean }>().allowed, false)
})

test('groups and addresses of the caller in question count, names are canonical', async (t) => {
  const { local } = await start(t)
  const allowed = async (query: string) => (await local(query)).json<{ allowed: boolean }>().allowed
  const asked = 'user=ldap:bob&action=push&repository=team/web'
  assert.equal(await allowed(`${asked}&group=ldap:dev&group=ldap:ops&from=10.0.0.1`), true)
  assert.equal(await allowed(`${asked}&group=ldap:ops&from=11.0.0.1`), false)
  assert.equal(await allowed(`${asked}&from=10.0.0.1`), false)
  assert.equal(await allowed('action=pull&repository=docker.io/alpine'), false)
  const { repository } = (await local('action=pull&repository=docker.io/alpine')).json<{
    repository: string
  }>()
  assert.equal(repository, 'docker.io/library/alpine')
})

test('it is for those who may administer, from where they may', async (t) => {
  const here = await start(t)
  const elsewhere = await start(t, '192.0.2.1')
  const query = 'user=alice&action=admin'
  assert.equal((await here.ask(query)).status, 401)
  assert.equal((await here.ask(query, 'alice')).status, 403)
  assert.equal((await here.ask(query, 'olga')).status, 200)
  assert.equal((await elsewhere.ask(query, 'olga')).status, 403)
  assert.deepEqual(
    here.callers.map(({ identity, clause }) => [identity === 'local' || identity.name, clause?.grant]),
    [
      [undefined, undefined],
      ['alice', undefined],
      ['olga', 1],
    ],
  )
})

test('a question that means nothing is a 400', async (t) => {
  const { local } = await start(t)
  const queries = [
    '',
    'action=pull',
    'action=write&repository=a',
    'action=pull&repository=A',
    'user=@x&action=admin',
  ]
  const answers = await Promise.all(queries.map(local))
  assert.deepEqual(
    answers.map(({ status }) => status),
    [400, 400, 400, 400, 400],
  )
})

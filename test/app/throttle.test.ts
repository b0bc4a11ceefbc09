// Failed logins through the whole gateway: guessing becomes slow for who guesses, and for nobody else.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startGateway, type RunningGateway } from '../support/gateway.ts'
import { send, type Answer } from '../support/http.ts'
import type { Scope } from '../support/scope.ts'

const ATTACKER = '192.0.2.1'
const COLLEAGUE = '192.0.2.2'

interface Setting {
  readonly gateway: RunningGateway
  readonly attempt: (username: string, password: string, client?: string, path?: string) => Promise<Answer>
}

/** Behind a proxy on this machine, which says where a request comes from. */
async function start(t: Scope): Promise<Setting> {
  const gateway = await startGateway(t, {
    config: {
      listen: [{ address: '127.0.0.1:0' }],
      trustedProxies: ['127.0.0.1'],
      auth: { htpasswd: { file: 'htpasswd' }, throttle: { delay: '1h', maxDelay: '12h' } },
      access: [{ repositories: ['**'], pull: ['$authenticated'] }, { admin: ['alice'] }],
    },
  })
  const attempt: Setting['attempt'] = (username, password, client = ATTACKER, path = '/v2/') => {
    const origin = path.startsWith('/api/') ? gateway.adminUrl : gateway.url
    return send(origin + path, {
      account: { username, password },
      headers: { 'X-Forwarded-For': client },
    })
  }
  return { gateway, attempt }
}

async function guess({ attempt }: Setting, times: number, name = 'alice'): Promise<number[]> {
  const statuses: number[] = []
  for (let index = 0; index < times; index++) statuses.push((await attempt(name, `guess ${index}`)).status)
  return statuses
}

function isPutOff(answer: Answer): void {
  assert.equal(answer.status, 429, answer.text())
  assert.match(answer.headers['retry-after'] ?? '', /^3(?:600|59\d)$/)
  assert.equal(answer.json<{ errors: { code: string }[] }>().errors[0]?.code, 'TOOMANYREQUESTS')
}

test('after five wrong guesses the next login is put off on /v2/, on /token and by the admin API', async (t) => {
  const setting = await start(t)
  const { attempt } = setting
  assert.deepEqual(await guess(setting, 5), [401, 401, 401, 401, 401])
  isPutOff(await attempt('alice', 'guess'))
  isPutOff(await attempt('alice', 'alice-secret'))
  isPutOff(await attempt('alice', 'alice-secret', ATTACKER, '/token'))
  isPutOff(await attempt('alice', 'alice-secret', ATTACKER, '/api/stores/main/tags'))
  const { headers } = await attempt('alice', 'alice-secret')
  assert.equal(headers['docker-distribution-api-version'], 'registry/2.0')
})

test('a name that nobody has is put off like one that somebody has', async (t) => {
  const setting = await start(t)
  assert.deepEqual(await guess(setting, 7, 'mallory'), await guess(setting, 7, 'alice'))
})

test('guesses lock nobody out: not the account from elsewhere, not other accounts, not who is logged in', async (t) => {
  const setting = await start(t)
  const { gateway, attempt } = setting
  assert.equal((await attempt('bob', 'bob-secret')).status, 200)
  const { token } = (await attempt('bob', 'bob-secret', ATTACKER, '/token')).json<{ token: string }>()
  await guess(setting, 20, 'alice')
  await guess(setting, 20, 'bob')
  assert.equal((await attempt('alice', 'alice-secret', COLLEAGUE)).status, 200)
  assert.equal((await attempt('bob', 'bob-secret')).status, 200)
  assert.equal((await send(`${gateway.url}/v2/`, { token })).status, 200)
})

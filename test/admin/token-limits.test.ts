import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ANONYMOUS } from '../../src/access/identity.ts'
import type { Answer } from '../support/http.ts'
import { read, refuses, startServer, type TokenServer } from './token-server.ts'

/** Asks as alice for a token to pull so many repositories, with names of this length. */
function askFor({ post }: TokenServer, repositories: number, length: number): Promise<Answer> {
  const nameOf = (index: number): string => `team/${index}`.padEnd(length, 'x')
  const scopes = Array.from({ length: repositories }, (_, index) => `repository:${nameOf(index)}:pull`)
  const account = { grant_type: 'password', username: 'alice', password: 'se:crét' }
  return post({ ...account, scope: scopes.join(' ') })
}

test('a token is for 32 repositories at most', async (t) => {
  const server = await startServer(t)
  const { access } = read(await askFor(server, 32, 10))
  assert.equal(Array.isArray(access) && access.length, 32)
  const refused = await askFor(server, 33, 10)
  refuses(refused, 400, 'UNSUPPORTED')
  assert.match(refused.text(), /at most 32 repositories; ask for fewer/)
})

test('the limit is on what is asked for, granted or not, and the catalog does not count', async (t) => {
  const { ask } = await startServer(t)
  const scopes = (count: number) =>
    Array.from({ length: count }, (_, index) => `scope=repository:secret/${index}:pull`).join('&')
  assert.deepEqual(read(await ask(`/token?${scopes(32)}&scope=registry:catalog:*`)).access, [])
  refuses(await ask(`/token?${scopes(33)}`), 400, 'UNSUPPORTED')
})

test('a token that would not fit a header is not issued', async (t) => {
  const refused = await askFor(await startServer(t), 32, 250)
  refuses(refused, 400, 'UNSUPPORTED')
  assert.match(refused.text(), /of that length; ask for fewer/)
})

test('the authenticator is told the address of the client, by GET and by POST', async (t) => {
  const sources: (string | undefined)[] = []
  const { ask, post } = await startServer(t, {
    authenticator: {
      authenticate(_authorization, source) {
        sources.push(source?.address)
        return ANONYMOUS
      },
    },
    clientAddress: (req) => req.get('X-Test-Client'),
  })
  await ask('/token', { headers: { 'X-Test-Client': '192.0.2.1' } })
  const form = { grant_type: 'password', username: 'alice', password: 'x' }
  await post(form, { 'X-Test-Client': '192.0.2.2' })
  await ask('/token')
  assert.deepEqual(sources, ['192.0.2.1', '192.0.2.2', undefined])
})

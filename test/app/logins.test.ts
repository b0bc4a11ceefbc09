import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { hash } from 'bcrypt'
import { startGateway, WORKERS, writePasswords } from '../support/gateway.ts'
import { send } from '../support/http.ts'
import { temporaryFolder } from '../support/scope.ts'
import { until } from '../support/until.ts'

/** A plain listener behind a proxy on this machine, which says where a request comes from. */
const BEHIND_PROXY = { listen: [{ address: '127.0.0.1:0' }], trustedProxies: ['127.0.0.1'] }

test('who guesses passwords does not hold up the logins of others, on /v2/ and on /token', async (t) => {
  const file = join(await temporaryFolder(t), 'passwords')
  // Costly enough for the guesses to be waiting when the logins come.
  await writeFile(file, `alice:${await hash('a', 10)}\nbob:${await hash('b', 10)}\n`)
  // The queue is to be seen, and not that most guesses would not even get there.
  const auth = { htpasswd: { file }, throttle: 'off' }
  const gateway = await startGateway(t, { config: { ...BEHIND_PROXY, auth } })
  const attempt = (path: string, username: string, password: string, client: string) =>
    send(gateway.url + path, {
      account: { username, password },
      headers: { 'X-Forwarded-For': client },
    })
  const wrong: number[] = []
  const guess = async (path: string, index: number): Promise<void> => {
    const { status } = await attempt(path, 'alice', `guess ${index}`, '192.0.2.1')
    wrong.push(status)
  }
  // Each worker has a queue.
  const guesses = Array.from({ length: 24 * WORKERS }, (_, index) =>
    guess(index % 2 === 0 ? '/v2/' : '/token', index),
  )
  await until('the guesser waits for as many guesses as one may', () => wrong.includes(503))
  const logins = await Promise.all([
    attempt('/v2/', 'alice', 'a', '192.0.2.2'),
    attempt('/token', 'bob', 'b', '192.0.2.3'),
  ])
  const checkedFirst = wrong.filter((status) => status === 401).length
  assert.deepEqual(
    logins.map(({ status }) => status),
    [200, 200],
  )
  assert.ok(checkedFirst < 12 * WORKERS, `${checkedFirst} guesses were checked first`)
  await Promise.all(guesses)
})

test('a changed password ends the tokens that were got with the old one', async (t) => {
  const gateway = await startGateway(t, { config: BEHIND_PROXY })
  const bob = { account: { username: 'bob', password: 'bob-secret' } }
  const tokenOf = async (account: object): Promise<string> =>
    (await send(`${gateway.url}/token`, account)).json<{ token: string }>().token
  const statusOf = async (token: string): Promise<number> =>
    (await send(`${gateway.url}/v2/`, { token })).status
  const [ofBob, anonymous] = [await tokenOf(bob), await tokenOf({})]
  assert.deepEqual([await statusOf(ofBob), await statusOf(anonymous)], [200, 200])
  await writePasswords(gateway.folder, { alice: 'alice-secret', bob: 'new' })
  await until('the token of the old password is refused', async () => (await statusOf(ofBob)) === 401)
  assert.equal(await statusOf(anonymous), 200)
  assert.equal(await statusOf(await tokenOf({ account: { username: 'bob', password: 'new' } })), 200)
})

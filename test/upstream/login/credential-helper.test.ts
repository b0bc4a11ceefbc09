import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UpstreamUnavailableError } from '../../../src/upstream/errors.ts'
import { credentialHelper } from '../../../src/upstream/login/credential-helper.ts'
import { until } from '../../support/until.ts'
import { writeHelper } from './helper-program.ts'

const server = 'https://registry.example.com'

test('a helper is asked for the server’s login once, by however many want it', async (t) => {
  const program = await writeHelper(t)
  await program.answers({ username: 'acme', secret: 'a:b' })
  const login = credentialHelper({ helper: program.path, server })
  const answers = await Promise.all(Array.from({ length: 20 }, () => login.current()))
  for (const answer of answers)
    assert.deepEqual(answer, { kind: 'password', username: 'acme', password: 'a:b' })
  assert.deepEqual(await program.runs(), [`get ${server}`])
})

test('an answer is used for its lifetime, and while the next one is on its way', async (t) => {
  const program = await writeHelper(t)
  await program.answers({ username: 'acme', secret: 'one' })
  const login = credentialHelper({ helper: program.path, server, lifetimeMs: 50 })
  await login.current()
  await program.answers({ username: 'acme', secret: 'two' })
  await until('the next answer is used', async () => {
    const answer = await login.current()
    return answer.kind === 'password' && answer.password === 'two'
  })
})

test('the username <token> stands for an identity token', async (t) => {
  const program = await writeHelper(t)
  await program.answers({ username: '<token>', secret: 'refresh-me' })
  const answer = await credentialHelper({ helper: program.path, server }).current()
  assert.deepEqual(answer, { kind: 'identity', token: 'refresh-me' })
})

test('a helper that fails is not started again for every request, and none of its words get out', async (t) => {
  const program = await writeHelper(t, 'echo canary; echo canary >&2; exit 3')
  const login = credentialHelper({ helper: program.path, server })
  for (let times = 0; times < 3; times++)
    await assert.rejects(login.current(), (error: unknown) => {
      assert.ok(error instanceof UpstreamUnavailableError)
      assert.match(error.message, /docker-credential-test failed \(3\)/)
      assert.doesNotMatch(`${error.message} ${error.stack} ${String(error.cause)}`, /canary/)
      return true
    })
  assert.equal((await program.runs()).length, 1)
})

test('a helper that fails later leaves the login that was', async (t) => {
  const program = await writeHelper(
    t,
    `test -e "$0.ran" && exit 1\ntouch "$0.ran"\necho '{"Username":"a","Secret":"b"}'`,
  )
  const login = credentialHelper({ helper: program.path, server, lifetimeMs: 1 })
  await login.current()
  await until('it was asked again', async () => {
    assert.deepEqual(await login.current(), { kind: 'password', username: 'a', password: 'b' })
    return (await program.runs()).length === 2
  })
  assert.deepEqual(await login.current(), { kind: 'password', username: 'a', password: 'b' })
})

test('a helper that hangs is ended', async (t) => {
  const program = await writeHelper(t, 'exec sleep 60')
  const login = credentialHelper({ helper: program.path, server, timeoutMs: 300 })
  await assert.rejects(login.current(), /did not answer in time/)
})

test('a helper that says too much, or no login, is not believed', async (t) => {
  const talker = await writeHelper(t, 'yes')
  await assert.rejects(credentialHelper({ helper: talker.path, server }).current(), /answered too much/)
  const other = await writeHelper(t, `echo '{"Username":"a"}'`)
  await assert.rejects(credentialHelper({ helper: other.path, server }).current(), /answered no login/)
})

test('a helper that is not there is named', async () => {
  const login = credentialHelper({ helper: 'no-such', server })
  await assert.rejects(login.current(), /docker-credential-no-such was not found/)
})

import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TokenDescription } from '../../src/auth/accounts/access-tokens.ts'
import { isTokenText } from '../../src/auth/accounts/token-text.ts'
import { temporaryFolder, type Scope } from '../support/scope.ts'
import { runCli } from './run-cli.ts'

test('a token is printed alone on standard output, and told about beside it', async (t) => {
  const run = await setUp(t)
  const made = await run(
    'create',
    '--for',
    'ci',
    '--repositories',
    'team-a/**',
    'base/*',
    '--can',
    'pull,push',
  )
  assert.equal(made.code, 0)
  assert.equal(isTokenText(made.stdout.trim()), true)
  assert.match(made.stderr, /for robot:ci: pull, push on team-a\/\*\*, base\/\*, until 2/)
  assert.equal(made.stderr.includes(made.stdout.trim()), false)
})

test('a token lives 90 days unless it says otherwise', async (t) => {
  const run = await setUp(t)
  const days = async (...args: string[]) => {
    const { createdAt, expiresAt } = JSON.parse((await run('create', '--for=ci', '--json', ...args)).stdout)
    return expiresAt === null ? null : (Date.parse(expiresAt) - Date.parse(createdAt)) / 86_400_000
  }
  assert.equal(await days(), 90)
  assert.equal(await days('--expires', '12h'), 0.5)
  assert.equal(await days('--expires', 'never'), null)
})

test('an account’s name makes a personal token, any other a robot’s, and a mistyped one is noticed', async (t) => {
  const run = await setUp(t)
  const personal = await run('create', '--for', 'alice', '--ends-with-password', '--json')
  const token = JSON.parse(personal.stdout) as TokenDescription // printed by the command under test
  assert.deepEqual([token.for, token.endsWithPassword, personal.stderr], ['alice', true, ''])
  const robot = await run('create', '--for', 'alcie')
  assert.match(robot.stderr, /there is no account alcie; did you mean "alice"\?/)
  assert.match(robot.stderr, /no grant speaks of robot:alcie/)
  assert.match((await run('create', '--for', 'alice', '--robot')).stderr, /for robot:alice/)
})

test('tokens are listed while they live, all of them when asked for, and revoked by id or by themselves', async (t) => {
  const run = await setUp(t)
  const [one, other] = [
    (await run('create', '--for', 'ci')).stdout.trim(),
    await run('create', '--for', 'alice', '--json'),
  ]
  const { id } = JSON.parse(other.stdout) as TokenDescription // printed by the command under test
  const list = async (...args: string[]) =>
    (JSON.parse((await run('list', '--json', ...args)).stdout) as TokenDescription[]).map(
      (token) => token.for,
    )
  assert.deepEqual((await list()).toSorted(), ['alice', 'robot:ci'])
  assert.deepEqual(await list('--for', 'ci'), ['robot:ci'])
  const refused = await run('revoke', id, 'mistyped')
  assert.deepEqual([refused.code, (await list()).length], [1, 2])
  const revoked = await run('revoke', one)
  assert.deepEqual([revoked.code, revoked.stdout], [0, '1 token revoked\n'])
  assert.deepEqual(await list(), ['alice'])
  assert.equal((await list('--all')).length, 2)
  assert.match((await run('list')).stdout, /for alice: pull on \*\*, until .*; never used/)
})

test('an account that is removed takes its tokens with it, for whoever comes later under its name', async (t) => {
  const run = await setUp(t)
  await run('create', '--for', 'alice')
  await run('create', '--for', 'ci')
  const removed = await run.dockgate('user', 'remove', 'alice', '-c', 'dockgate.yml')
  assert.deepEqual([removed.code, /1 access token revoked/.test(removed.stderr)], [0, true], removed.stderr)
  assert.match((await run('list')).stdout, /^\S+ for robot:ci: .*\n$/)
})

test('what makes no sense is answered in one line, with what was probably meant', async (t) => {
  const run = await setUp(t)
  const refusal = async (...args: string[]) => {
    const { code, stderr, stdout } = await run('create', ...args)
    assert.deepEqual([code, stdout], [1, ''])
    return stderr
  }
  assert.match(await refusal('--for=ci', '--repositories', 'Team-A/'), /did you mean "team-a\/\*\*"\?\n$/)
  assert.match(await refusal('--for=ci', '--can', 'pull,pusch'), /did you mean "push"\?\n$/)
  assert.match(await refusal('--for=ci', '--expires', '90'), /a duration such as 12h or 90d, or never\n$/)
  assert.match(await refusal('--for=ci', '--repositories', 'users/${user}/**'), /\$\{user\}/)
  assert.match(await refusal('--for', 'a b'), /can not be the name of a robot/)
  assert.match(await refusal('--for=ci', '--ends-with-password'), /has no password/)
})

/** `dockgate token …` with a configuration that knows alice. */
async function setUp(t: Scope) {
  const folder = await temporaryFolder(t)
  const config = {
    auth: { htpasswd: { file: 'htpasswd' } },
    access: [{ repositories: ['**'], pull: ['alice', 'robot:ci'] }],
    repositories: { '**': { store: 'main' } },
    stores: { main: { filesystem: { root: 'data/registry' } } },
  }
  await writeFile(join(folder, 'dockgate.yml'), JSON.stringify(config)) // JSON is YAML
  await writeFile(join(folder, 'htpasswd'), 'alice:{PLAIN}secret\n')
  const dockgate = (...args: readonly string[]) => runCli(folder, args)
  const run = (command: string, ...args: readonly string[]) =>
    dockgate('token', command, '-c', 'dockgate.yml', ...args)
  return Object.assign(run, { dockgate })
}

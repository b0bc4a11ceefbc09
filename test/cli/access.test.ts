import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { temporaryFolder, type Scope } from '../support/scope.ts'
import { runCli, type Finished } from './run-cli.ts'

const CONFIG = `
auth: { groups: { ci: [jenkins] } }
access:
  - repositories: ['team-a/**']
    pull: [$authenticated]
    push: [alice, '@ci']
    from: [10.0.0.0/8]
  - { repositories: ['users/\${user}/**'], push: [$authenticated] }
  - { repositories: ['docker.io/**'], pull: [$anonymous] }
  - catalog: ['@ldap:ops']
upstreams: { hub: { url: 'https://registry-1.docker.io', namespace: docker.io } }
repositories: { '**': { store: main }, 'docker.io/**': { mirror: hub, store: mirror } }
stores: { main: { filesystem: { root: data } }, mirror: { filesystem: { root: mirror } } }
`

async function folderOf(t: Scope, table = ''): Promise<string> {
  const folder = await temporaryFolder(t)
  await writeFile(join(folder, 'c.yml'), CONFIG)
  await writeFile(join(folder, 'table.yml'), table)
  return folder
}

/** Standard output, line by line, of `dockgate access explain`. */
async function explained(folder: string, ...args: string[]): Promise<string[]> {
  const { code, stdout, stderr } = await explain(folder, ...args)
  assert.equal(code, 0, stderr)
  return stdout.trimEnd().split('\n')
}

function explain(folder: string, ...args: string[]): Promise<Finished> {
  return runCli(folder, ['access', 'explain', '--config', 'c.yml', ...args])
}

test('the rule that decides is named with its line, what implies what, and through which group', async (t) => {
  const folder = await folderOf(t)
  const [group, implied, canonical, foreign] = await Promise.all([
    explained(folder, 'jenkins', 'push', 'team-a/web', '--from', '10.1.2.3'),
    explained(folder, 'bob', 'pull', 'users/bob/app'),
    explained(folder, '$anonymous', 'pull', 'docker.io/alpine'),
    explained(folder, 'ldap:bob', 'catalog', '--groups', 'ldap:ops,ldap:dev'),
  ])
  assert.deepEqual(group, [
    'jenkins may push team-a/web: access[0] (c.yml:4) grants push on team-a/** to @ci from 10.0.0.0/8',
  ])
  assert.deepEqual(implied, [
    'bob may pull users/bob/app: access[1] (c.yml:8) grants push on users/${user}/** to $authenticated, and push implies pull',
  ])
  assert.deepEqual(canonical, [
    '$anonymous may pull docker.io/library/alpine: access[2] (c.yml:9) grants pull on docker.io/** to $anonymous',
  ])
  assert.deepEqual(foreign, ['ldap:bob may catalog: access[3] (c.yml:10) grants catalog to @ldap:ops'])
})

test('what is missing is said: another address, another account, or a grant', async (t) => {
  const folder = await folderOf(t)
  const [address, account, grant] = await Promise.all([
    explained(folder, 'alice', 'push', 'team-a/web', '--from', '192.0.2.1'),
    explained(folder, 'bob', 'push', 'team-a/web', '--from', '10.0.0.1'),
    explained(folder, 'bob', 'push', 'users/alice/app'),
  ])
  assert.deepEqual(address, [
    'alice may not push team-a/web: not from 192.0.2.1',
    '  from there it would do: access[0] (c.yml:4) grants push on team-a/** to alice from 10.0.0.0/8',
    '  others have it: access[0] (c.yml:4) grants push on team-a/** to @ci from 10.0.0.0/8',
  ])
  assert.deepEqual(account, [
    'bob may not push team-a/web: no grant names this caller',
    '  others have it: access[0] (c.yml:4) grants push on team-a/** to alice from 10.0.0.0/8',
    '  others have it: access[0] (c.yml:4) grants push on team-a/** to @ci from 10.0.0.0/8',
    '  bob may pull there',
  ])
  assert.deepEqual(grant, ['bob may not push users/alice/app: no grant speaks of it'])
})

test('the explanation is JSON for scripts', async (t) => {
  const folder = await folderOf(t)
  const lines = await explained(folder, 'bob', 'pull', 'users/bob/app', '--json')
  assert.deepEqual(JSON.parse(lines.join('\n')), {
    user: 'bob',
    action: 'pull',
    repository: 'users/bob/app',
    allowed: true,
    granted: {
      grant: 1,
      line: 8,
      word: 'push',
      principal: '$authenticated',
      pattern: 'users/${user}/**',
    },
    fromElsewhere: [],
    toOthers: [],
    instead: [],
  })
})

test('a question that means nothing is refused in one line', async (t) => {
  const folder = await folderOf(t)
  const asked = [
    ['bob', 'write', 'a'],
    ['bob', 'pull'],
    ['bob', 'admin', 'a'],
    ['@ci', 'pull', 'a'],
    ['bob', 'pull', 'A/b'],
    ['bob', 'pull', 'a', '--from', 'home'],
    ['bob', 'pull', 'a', '--groups', 'ci'],
  ]
  const finished = await Promise.all(asked.map((args) => explain(folder, ...args)))
  assert.deepEqual(
    finished.map(({ code, stdout }) => [code, stdout]),
    asked.map(() => [1, '']),
  )
  const reasons = finished.map(({ stderr }) => stderr.replace(/^dockgate: /, '').trim())
  assert.match(reasons.join('\n'), /^there is no action.*\npull what\?.*\nadmin is not about.*\n"@ci" is not/)
})

const TABLE = `
- { user: jenkins, action: push, repository: team-a/web, from: 10.1.2.3, expect: allow }
- { user: jenkins, action: push, repository: team-a/web, from: 192.0.2.1, expect: deny }
- { user: $anonymous, action: pull, repository: docker.io/alpine, expect: allow }
- { user: ldap:bob, action: catalog, groups: [ldap:ops], expect: allow }
`

test('a table of expectations that are met exits 0, a surprise exits 1 with a line that names what decides', async (t) => {
  const folder = await folderOf(t, TABLE)
  const run = () => runCli(folder, ['access', 'test', 'table.yml', '--config', 'c.yml'])
  assert.deepEqual(await run(), { code: 0, stdout: '4 expectations met\n', stderr: '' })
  await writeFile(
    join(folder, 'table.yml'),
    `${TABLE}- { user: bob, action: pull, repository: users/bob/x, expect: deny }\n`,
  )
  assert.deepEqual(await run(), {
    code: 1,
    stdout:
      'table.yml:6: expected deny; bob may pull users/bob/x: access[1] (c.yml:8) grants push on users/${user}/** to $authenticated, and push implies pull\n',
    stderr: 'dockgate: 1 of 5 expectations not met\n',
  })
})

test('a table that says nothing, or something else, is refused with its lines', async (t) => {
  const run = async (table: string): Promise<string> => {
    const folder = await folderOf(t, table)
    const { code, stderr } = await runCli(folder, ['access', 'test', 'table.yml', '--config', 'c.yml'])
    assert.equal(code, 1)
    return stderr
  }
  const [empty, wrong, absent] = await Promise.all([
    run('[]'),
    run('- { usr: bob, action: pull, repository: a, expect: maybe }'),
    run('- { user: bob, action: pull, expect: deny }'),
  ])
  assert.match(empty, /table\.yml:1:1: holds no expectation/)
  assert.match(wrong, /table\.yml:1:5: .*usr.*user/)
  assert.match(wrong, /table\.yml:1:\d+: .*expect/)
  assert.match(absent, /table\.yml:1: pull what\?/)
  const missing = await runCli(await folderOf(t, ''), ['access', 'test', 'nowhere.yml', '--config', 'c.yml'])
  assert.deepEqual([missing.code, missing.stderr], [1, 'dockgate: nowhere.yml does not exist\n'])
})

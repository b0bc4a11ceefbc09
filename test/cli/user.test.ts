import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { fileURLToPath } from 'node:url'
import { searchPath } from '../support/programs.ts'
import { temporaryFolder, type Scope } from '../support/scope.ts'
import { runCli, type Finished } from './run-cli.ts'

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))

/** Runs `dockgate user ...args --file htpasswd` with `input` on standard input. */
async function user(cwd: string, [command = '', ...args]: readonly string[], input = ''): Promise<Finished> {
  const child = spawn(process.execPath, [MAIN, 'user', command, '--file', 'htpasswd', ...args], { cwd })
  child.stdin.on('error', () => {}).end(input)
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ])
  return { code: Number(code), stdout, stderr }
}

/** Apache's own opinion: the hash is the password's. */
async function verifies(cwd: string, name: string, password: string): Promise<boolean> {
  const env = { ...process.env, PATH: searchPath() }
  return promisify(execFile)('htpasswd', ['-vb', 'htpasswd', name, password], { cwd, env }).then(
    () => true,
    () => false,
  )
}

async function folderWith(t: Scope, htpasswd: string): Promise<string> {
  const cwd = await temporaryFolder(t)
  await writeFile(join(cwd, 'htpasswd'), htpasswd)
  return cwd
}

test('an account is added, gets a new password, is listed and removed', async (t) => {
  const cwd = await temporaryFolder(t)
  const added = await user(cwd, ['add', 'alice', '--password-stdin'], 'päss:word\n')
  assert.deepEqual(added, {
    code: 0,
    stdout: '',
    stderr: 'account "alice" in htpasswd is made\n',
  })
  const line = await readFile(join(cwd, 'htpasswd'), 'utf8')
  assert.match(line, /^alice:\$2y\$12\$[./A-Za-z0-9]{53}\n$/)
  assert.equal((await stat(join(cwd, 'htpasswd'))).mode & 0o777, 0o600)
  assert.equal(await verifies(cwd, 'alice', 'päss:word'), true)

  assert.equal((await user(cwd, ['passwd', 'alice', '--password-stdin'], 'second\r\n')).code, 0)
  assert.equal(await verifies(cwd, 'alice', 'second'), true)
  assert.equal(await verifies(cwd, 'alice', 'päss:word'), false)

  const listed = await user(cwd, ['list', '--json'])
  assert.deepEqual(JSON.parse(listed.stdout), [{ name: 'alice', hash: 'bcrypt, cost 12', problem: null }])
  assert.equal((await user(cwd, ['remove', 'alice'])).code, 0)
  assert.equal(await readFile(join(cwd, 'htpasswd'), 'utf8'), '')
})

test('a password that was made up is printed, once, and alone', async (t) => {
  const cwd = await temporaryFolder(t)
  const { stdout, stderr } = await user(cwd, ['add', 'ci', '--generate'])
  assert.match(stdout, /^[A-Za-z0-9]{22}\n$/)
  assert.equal(stderr.includes(stdout.trim()), false)
  assert.equal(await verifies(cwd, 'ci', stdout.trim()), true)
})

test('the terminal is asked twice, and shows nothing of what is typed', async (t) => {
  const cwd = await temporaryFolder(t)
  const typed = await onTerminal(cwd, 'add alice', ['hidden', 'hidden'])
  assert.match(typed, /Password: [^]*The same again: [^]*is made/)
  assert.equal(typed.includes('hidden'), false)
  assert.equal(await verifies(cwd, 'alice', 'hidden'), true)
  assert.match(await onTerminal(cwd, 'passwd alice', ['one', 'two']), /differ; nothing was changed/)
  assert.match(await onTerminal(cwd, 'passwd alice', ['\x03']), /no password was given/)
  assert.equal(await verifies(cwd, 'alice', 'hidden'), true)
})

test('names that could not log in, or would mean something else, are refused', async (t) => {
  const cwd = await folderWith(t, '')
  const refused = async (name: string): Promise<void> => {
    const { code, stderr } = await user(cwd, ['add', '--password-stdin', '--', name], 'x')
    assert.equal(code, 1, name)
    assert.match(stderr, /^dockgate: .* can not be a name: .*\n$/)
  }
  await refused('')
  await refused('$anonymous')
  await refused('@ops')
  await refused('robot:ci')
  await refused('a\u0007b')
  assert.equal(await readFile(join(cwd, 'htpasswd'), 'utf8'), '')
})

test('what would change nothing, or the wrong thing, fails and changes nothing', async (t) => {
  const before = '# ours\nalice:$2y$05$abcdefghijklmnopqrstuuH4nNdG4ENvOZVNtWBGIVmvYkYCmSZsC:a comment\n'
  const cwd = await folderWith(t, before)
  const fails = async (args: readonly string[], message: RegExp, input = 'x'): Promise<void> => {
    const { code, stdout, stderr } = await user(cwd, args, input)
    assert.deepEqual([code, stdout], [1, ''])
    assert.match(stderr, message)
    assert.equal(await readFile(join(cwd, 'htpasswd'), 'utf8'), before)
  }
  await fails(['add', 'alice', '--password-stdin'], /^dockgate: there is an account "alice" already/)
  await fails(['passwd', 'bob', '--password-stdin'], /^dockgate: there is no account "bob"/)
  await fails(['remove', 'alice', 'bob'], /^dockgate: there is no account "bob"/)
  await fails(['add', 'bob'], /no terminal to ask for the password: use --password-stdin or --generate/)
  await fails(['add', 'bob', '--generate', '--password-stdin'], /exclude each other/)
  await fails(['add', 'bob', '--password-stdin'], /the password is empty/, '\n')
  await fails(['add', 'bob', '--password-stdin'], /a control character/, 'two\nlines\n')
  await fails(['add', 'bob', '--password-stdin'], /longer than 72 bytes/, 'ä'.repeat(37))
})

test('a password file that is not there is told as such, and not made by asking', async (t) => {
  const cwd = await temporaryFolder(t)
  const told = 'dockgate: there is no password file nowhere/htpasswd: dockgate user add makes it\n'
  for (const args of [['list'], ['remove', 'alice']]) {
    const answer = await runCli(cwd, ['user', ...args, '--file', 'nowhere/htpasswd'])
    assert.deepEqual(answer, { code: 1, stdout: '', stderr: told })
  }
  await assert.rejects(stat(join(cwd, 'nowhere')), { code: 'ENOENT' })
})

test('a changed account leaves the rest of the file as it is', async (t) => {
  const rest = '# ours\nbob:{SHA}x\n'
  const cwd = await folderWith(t, `${rest}alice:old:a comment\n`)
  await user(cwd, ['passwd', 'alice', '--password-stdin'], 'new')
  const after = await readFile(join(cwd, 'htpasswd'), 'utf8')
  assert.ok(after.startsWith(rest))
  assert.match(after.slice(rest.length), /^alice:\$2y\$12\$.{53}:a comment\n$/)
})

test('the password file is the configuration’s, and of several the one that is named', async (t) => {
  const cwd = await folderWith(t, '')
  await writeFile(join(cwd, 'b.htpasswd'), '')
  const shared = "repositories: { '**': { store: main } }\nstores: { main: { filesystem: { root: data } } }\n"
  await writeFile(join(cwd, 'one.yml'), `auth: { htpasswd: { file: htpasswd } }\n${shared}`)
  const files = '[{ file: htpasswd, realm: A }, { file: b.htpasswd, realm: B }]'
  await writeFile(join(cwd, 'two.yml'), `auth: { htpasswd: ${files} }\n${shared}`)
  const add = (name: string, ...args: string[]) => runCli(cwd, ['user', 'add', name, '--generate', ...args])
  assert.equal((await add('alice', '--config', 'one.yml')).code, 0)
  assert.match((await add('bob', '--config', 'two.yml')).stderr, /which password file\? .* --realm: A, B/)
  assert.equal((await add('bob', '--config', 'two.yml', '--realm', 'B')).code, 0)
  assert.match(await readFile(join(cwd, 'htpasswd'), 'utf8'), /^alice:.*\n$/)
  assert.match(await readFile(join(cwd, 'b.htpasswd'), 'utf8'), /^bob:.*\n$/)
})

/** What a terminal shows of the command when each line is typed as it is asked for: `script` has a terminal to give. */
async function onTerminal(cwd: string, command: string, lines: readonly string[]): Promise<string> {
  const full = `${process.execPath} ${MAIN} user ${command} --file htpasswd`
  const child = spawn('script', ['-qec', full, '/dev/null'], { cwd })
  const left = [...lines]
  let shown = ''
  let answered = 0
  child.stdout.setEncoding('utf8').on('data', (piece: string) => {
    shown += piece
    const asked = shown.split(/Password: |again: /).length - 1
    for (; answered < asked; answered++) child.stdin.write(`${left.shift() ?? ''}\r`)
  })
  await once(child, 'close')
  return shown
}

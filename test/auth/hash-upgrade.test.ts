import assert from 'node:assert/strict'
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { InvalidCredentialError } from '../../src/auth/authenticator.ts'
import { HashUpgrade } from '../../src/auth/hash-upgrade.ts'
import { HtpasswdBackend } from '../../src/auth/htpasswd-backend.ts'
import { HtpasswdFile } from '../../src/auth/htpasswd-file.ts'
import { PasswordVerifier } from '../../src/auth/password-verifier.ts'
import { htpasswdLine } from '../support/htpasswd.ts'
import { temporaryFolder } from '../support/scope.ts'

interface Accounts {
  readonly backend: HtpasswdBackend
  readonly path: string
  /** What the file's readers take for the account's hash now. */
  readonly hashOf: (name: string) => string | undefined
  readonly upgraded: string[]
  readonly errors: unknown[]
}

async function accountsOf(t: TestContext, text: string): Promise<Accounts> {
  const folder = join(await temporaryFolder(t), 'config')
  await mkdir(folder)
  const path = join(folder, 'htpasswd')
  await writeFile(path, text)
  const passwords = await HtpasswdFile.open({ path })
  t.after(() => passwords.close())
  const verifier = new PasswordVerifier()
  t.after(() => verifier.close())
  const [upgraded, errors]: [string[], unknown[]] = [[], []]
  const onUpgrade = async (name: string): Promise<void> => {
    upgraded.push(name)
    await passwords.reload()
  }
  const upgrade = new HashUpgrade({ path, onUpgrade, onError: (error) => errors.push(error) })
  const backend = new HtpasswdBackend({ passwords, verifier, upgrade })
  return { backend, path, hashOf: (name) => passwords.get(name)?.hash, upgraded, errors }
}

test('a login replaces its own weak hash by bcrypt with cost 12, and nothing else in the file', async (t) => {
  const [alice, bob] = [
    await htpasswdLine('alice', 'sécret', 'sha1'),
    await htpasswdLine('bob', 'word', 'sha1'),
  ]
  const text = `# accounts\r\n${alice}:of accounting\r\n${bob}\nalice:{PLAIN}later\n`
  const { backend, path, hashOf, upgraded } = await accountsOf(t, text)
  const verdict = await backend.check({ name: 'alice', password: 'sécret' })
  const hash = hashOf('alice') ?? ''
  assert.match(hash, /^\$2y\$12\$/)
  assert.equal(
    await readFile(path, 'utf8'),
    `# accounts\r\nalice:${hash}:of accounting\r\n${bob}\nalice:{PLAIN}later\n`,
  )
  assert.equal(verdict?.stillHolds(), true)
  assert.ok(await backend.check({ name: 'alice', password: 'sécret' }))
  await assert.rejects(backend.check({ name: 'alice', password: 'secret' }), InvalidCredentialError)
  assert.deepEqual(upgraded, ['alice'])
})

test('a wrong password, a strong hash, and a password that bcrypt would cut change nothing', async (t) => {
  const long = 'x'.repeat(73)
  const lines = [
    await htpasswdLine('alice', 'word', 'sha1'),
    await htpasswdLine('bob', 'word', 'bcrypt'),
    await htpasswdLine('carol', long, 'sha1'),
  ]
  const { backend, path } = await accountsOf(t, lines.join('\n'))
  const { ino } = await stat(path)
  await assert.rejects(backend.check({ name: 'alice', password: 'Word' }), InvalidCredentialError)
  assert.ok(await backend.check({ name: 'bob', password: 'word' }))
  assert.ok(await backend.check({ name: 'carol', password: long }))
  assert.equal((await stat(path)).ino, ino)
})

test('a password that was changed in the file meanwhile is not changed back', async (t) => {
  const { backend, path, upgraded } = await accountsOf(t, 'alice:{PLAIN}old\n')
  // The watcher has not seen it yet.
  await writeFile(path, 'alice:{PLAIN}new\n')
  await backend.check({ name: 'alice', password: 'old' })
  assert.equal(await readFile(path, 'utf8'), 'alice:{PLAIN}new\n')
  assert.deepEqual(upgraded, [])
})

test('a file that can not be written keeps nobody from logging in, and is not tried for each login', async (t) => {
  const { backend, path, hashOf, errors } = await accountsOf(t, 'alice:{PLAIN}word\n')
  await rm(join(path, '..'), { recursive: true })
  const verdict = await backend.check({ name: 'alice', password: 'word' })
  assert.equal(verdict?.stillHolds(), true)
  assert.ok(await backend.check({ name: 'alice', password: 'word' }))
  assert.equal(hashOf('alice'), '{PLAIN}word')
  assert.equal(errors.length, 1)
})

test('of a crowd that logs in at once one hash is replaced, and all get in', async (t) => {
  const names = ['alice', 'bob', 'carol']
  const { backend, upgraded } = await accountsOf(t, names.map((name) => `${name}:{PLAIN}word`).join('\n'))
  const verdicts = await Promise.all(names.map((name) => backend.check({ name, password: 'word' })))
  assert.deepEqual(
    verdicts.map((verdict) => verdict?.stillHolds()),
    [true, true, true],
  )
  assert.equal(upgraded.length, 1)
})

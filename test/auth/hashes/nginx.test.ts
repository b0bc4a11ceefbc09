// Entry by entry: a real nginx, which asks libxcrypt, and dockgate say the same of each password.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { promisify } from 'node:util'
import { parseHtpasswd } from '../../../src/auth/htpasswd.ts'
import { PasswordVerifier } from '../../../src/auth/password-verifier.ts'
import { basic, send } from '../../support/http.ts'
import { startNginx } from '../../support/nginx.ts'
import { searchPath } from '../../support/programs.ts'
import { fileScope, temporaryFolder } from '../../support/scope.ts'
import { PASSWORDS, VECTORS } from './vectors.ts'

/** What neither takes, each for the password `word`. */
const REFUSED = [
  'word',
  'c47d187067c6cf953245f128b5fde62a', // MD5 in hexadecimal
  '{plain}word',
  '{CRYPT}abeWkOPcXnRuk',
  '{SSHA256}vIDAJQVPLlXrWiQfTUOQxQ==',
  '*0',
  '!abeWkOPcXnRuk',
  'abeWkOPcXnRu', // twelve characters
  '{SHA}PPzjA7rmp8xAm2QaemhyYqYBCFY', // without its padding
  '$2b$04$abcdefghijklmnopqrstuvB/GrfUOm5dtrEiT8lcouu5XB5ftbWLi', // a salt that is written otherwise
  '$2b$03$abcdefghijklmnopqrstuuB/GrfUOm5dtrEiT8lcouu5XB5ftbWLi',
  '$1$saltsaltsalt$K2dwFIhuX2X2NaNlky6kH.',
  '$6$rounds=999$salt$QMXjqd7rHQZPQ1yHsXkQqC1FBzDVmXvZdhHJ2QZVYpL3',
  '$y$j75$a$HfwZEJqGNTcRTEJUNG3QHRcSMSGVpIAmMb9wHqDzIO3', // a salt of less than a byte
  '$y$j75..1$abcdefghijkl$HfwZEJqGNTcRTEJUNG3QHRcSMSGVpIAmMb9wHqDzIO3',
  '$sha1$01000$salt$h0Zjy0kpyP9C2ZrQDnAZkJdEEI6w',
]
/** From the reference implementation's own tests. */
const ARGON2ID = '$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc'
const LONGEST = 'x'.repeat(511)
const LONGEST_HASH = '$1$saltsalt$x9F2.6Bg2JHTiGLCk1ITS0'

const scope = fileScope()
const verifier = new PasswordVerifier({ maxWaiting: 1000, maxWaitingPerSource: 1000 })
const entries: readonly (readonly [password: string, hash: string])[] = [
  ...VECTORS.map(([key, hash]) => [PASSWORDS[key], hash] as const),
  ...REFUSED.map((hash) => ['word', hash] as const),
  [LONGEST, LONGEST_HASH],
]
let url = ''

before(async () => {
  const file = join(await temporaryFolder(scope), 'accounts')
  const lines = [...entries, ['password', ARGON2ID] as const].map(([, hash], index) => `user${index}:${hash}`)
  await writeFile(file, lines.join('\n'))
  const { port } = await startNginx(scope, {
    config: (place) => `server {
      listen 127.0.0.1:${place.port};
      location / { auth_basic accounts; auth_basic_user_file ${file}; try_files /none =204; }
    }`,
  })
  url = `http://127.0.0.1:${port}/`
  scope.after(() => verifier.close())
})

async function nginxTakes(index: number, password: string): Promise<boolean> {
  const { status } = await send(url, { headers: { authorization: basic(`user${index}`, password) } })
  return status === 204
}

/** What both say; rejects where they differ. */
async function bothTake(index: number, password: string): Promise<boolean> {
  const hash = entries[index]?.[1] ?? ''
  const [theirs, ours] = await Promise.all([nginxTakes(index, password), verifier.verify(password, hash)])
  assert.equal(ours, theirs, `${hash} with ${password}`)
  return ours
}

async function takenWith(change: (password: string) => string): Promise<string[]> {
  const all = entries.map(async ([password, hash], index) =>
    (await bothTake(index, change(password))) ? [hash] : [],
  )
  return (await Promise.all(all)).flat()
}

test('every kind of entry opens to its password', async () => {
  const hashes = VECTORS.map(([, hash]) => hash)
  assert.deepEqual(await takenWith((password) => password), [...hashes, LONGEST_HASH])
})

test('no kind of entry opens to another password', async () => {
  assert.deepEqual(await takenWith((password) => `!${password.slice(0, -1)}`), [])
})

test('what stands behind the bytes that a kind counts does not matter', async () => {
  const long = VECTORS.flatMap(([key], index) => (key === 'long' ? [index] : []))
  const taken = await Promise.all(long.map((index) => bothTake(index, `${PASSWORDS.long}!`)))
  const kinds = long.filter((_, at) => taken[at]).map((index) => VECTORS[index]?.[1].slice(0, 3))
  // bcrypt counts 72 bytes, the first crypt(3) eight.
  assert.deepEqual(kinds, ['$2a', '$2b', '$2y', '$2x', 'ab2'])
})

test('libxcrypt takes a password of 511 bytes, and none that is longer', async () => {
  const index = entries.findIndex(([password]) => password === LONGEST)
  assert.equal(await bothTake(index, LONGEST), true)
  assert.equal(await bothTake(index, `${LONGEST}x`), false)
})

test('argon2id opens to its password here alone', async () => {
  assert.equal(await verifier.verify('password', ARGON2ID), true)
  assert.equal(await verifier.verify('Password', ARGON2ID), false)
  assert.equal(await nginxTakes(entries.length, 'password'), false)
})

test('what mkpasswd makes of a password now is verified', async () => {
  const methods = ['yescrypt', 'gost-yescrypt', 'scrypt', 'bcrypt', 'sha512crypt', 'sha256crypt', 'bsdicrypt']
  const cheap = ['sunmd5', 'md5crypt', 'descrypt', 'nt', 'bcrypt-a']
  for (const method of [...methods, ...cheap]) {
    const rounds = /yescrypt/.test(method) ? ['-R', '1'] : method === 'scrypt' ? ['-R', '6'] : []
    const { stdout } = await promisify(execFile)('mkpasswd', ['-m', method, ...rounds, PASSWORDS.utf8], {
      env: { ...process.env, PATH: searchPath() },
    })
    assert.equal(await verifier.verify(PASSWORDS.utf8, stdout.trim()), true, stdout)
    assert.equal(await verifier.verify(PASSWORDS.word, stdout.trim()), false, stdout)
  }
})

test('no entry that opens is reported as unusable', () => {
  const { problems } = parseHtpasswd(VECTORS.map(([, hash], index) => `user${index}:${hash}`).join('\n'))
  assert.deepEqual(problems, [])
})

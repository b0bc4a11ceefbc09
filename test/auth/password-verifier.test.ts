import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { test, type TestContext } from 'node:test'
import { AuthenticationBusyError } from '../../src/auth/authenticator.ts'
import { HashThread } from '../../src/auth/hash-thread.ts'
import { md5Crypt } from '../../src/auth/hashes/md5-crypt.ts'
import { PasswordVerifier } from '../../src/auth/password-verifier.ts'
import { htpasswdLine, type PasswordHash } from '../support/htpasswd.ts'

const PASSWORDS = [
  'secret',
  'with:two:colons',
  'pässwörd ☃ 🐳',
  'eighty'.repeat(14).slice(0, 80),
  'x',
  ' spaces ',
]

function createVerifier(t: TestContext): PasswordVerifier {
  const verifier = new PasswordVerifier()
  t.after(() => verifier.close())
  return verifier
}

async function hashed(password: string, kind: PasswordHash): Promise<string> {
  return (await htpasswdLine('user', password, kind)).slice('user:'.length)
}

async function verifiesAll(verifier: PasswordVerifier, kind: PasswordHash): Promise<void> {
  for (const password of PASSWORDS) {
    const hash = await hashed(password, kind)
    assert.equal(await verifier.verify(password, hash), true, password)
    assert.equal(await verifier.verify(`!${password}`, hash), false, password)
    assert.equal(await verifier.verify('', hash), false, password)
  }
}

test('what htpasswd -B hashed is verified, and nothing else is', (t) =>
  verifiesAll(createVerifier(t), 'bcrypt'))

test('what htpasswd -m hashed is verified, and nothing else is', (t) =>
  verifiesAll(createVerifier(t), 'apr1'))

test('a hash of an unsupported kind is nobody’s', async (t) => {
  const verifier = createVerifier(t)
  for (const hash of ['', 'secret', '{plain}secret', '$apr1$', '$apr1$salt$short', '$2y$05$', '$y$j9T$x$y'])
    assert.equal(await verifier.verify('secret', hash), false, hash)
})

test('eight characters of salt count', () => {
  const hashApr1 = (salt: string): string => md5Crypt('$apr1$', Buffer.from('secret'), salt)
  assert.equal(hashApr1('saltsalt'), hashApr1('saltsaltsalt'))
  assert.notEqual(hashApr1(''), hashApr1('a'))
})

test('the event loop goes round while a hash is computed', async (t) => {
  const verifier = createVerifier(t)
  /** A busy machine may have the answer ready before the loop's first round; a blocked loop never goes round. */
  const goesRoundDuring = async (hash: string): Promise<boolean> => {
    for (let tries = 0; tries < 20; tries++) if ((await roundsDuring(hash)) > 0) return true
    return false
  }
  const roundsDuring = async (hash: string): Promise<number> => {
    let rounds = 0
    let next = setImmediate(function count() {
      rounds += 1
      next = setImmediate(count)
    })
    await verifier.verify('wrong', hash)
    clearImmediate(next)
    return rounds
  }
  assert.ok(await goesRoundDuring(await hashed('secret', 'bcrypt')))
  assert.ok(await goesRoundDuring(await hashed('secret', 'apr1')))
})

test('the threads that compute hashes give way to all others', async (t) => {
  const usual = Math.max(...(await nicenesses()))
  const verifier = createVerifier(t)
  const hash = await hashed('secret', 'bcrypt')
  await Promise.all([verifier.verify('secret', hash), verifier.verify('secret', hash)])
  const lowered = (await nicenesses()).filter((niceness) => niceness > usual)
  assert.deepEqual(lowered, [15, 15])
})

/** Of all threads of this process (proc_pid_stat(5)). */
async function nicenesses(): Promise<number[]> {
  const tasks = await readdir('/proc/self/task')
  const stats = await Promise.all(tasks.map((task) => readFile(`/proc/self/task/${task}/stat`, 'utf8')))
  // Behind the name, which may hold anything, the niceness is the seventeenth.
  return stats.map((stat) => Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16]))
}

test('a thread that ends fails what it was asked, and the next question starts a new one', async (t) => {
  const thread = new HashThread()
  t.after(() => thread.close())
  const hash = md5Crypt('$apr1$', Buffer.from('secret'), 'salt')
  const [asked] = await Promise.allSettled([thread.verify('secret', hash), thread.close()])
  assert.equal(asked.status, 'rejected')
  assert.equal(await thread.verify('secret', hash), true)
})

test('a flood of logins is refused, not queued for ever', async (t) => {
  const verifier = new PasswordVerifier({ concurrency: 1, maxWaiting: 2 })
  t.after(() => verifier.close())
  const hash = await hashed('secret', 'bcrypt')
  const outcomes = await Promise.allSettled(Array.from({ length: 5 }, () => verifier.verify('secret', hash)))
  const refused = outcomes.filter((outcome) => outcome.status === 'rejected')
  assert.equal(refused.length, 2)
  assert.ok(
    refused.every(({ reason }) => reason instanceof AuthenticationBusyError && reason.retryAfterSeconds > 0),
  )
})

test('who has a whole site of networks keeps nobody else out', async (t) => {
  const verifier = new PasswordVerifier({ concurrency: 1, maxWaiting: 4, maxWaitingPerSource: 4 })
  t.after(() => verifier.close())
  const hash = await hashed('secret', 'bcrypt')
  const guesses = Array.from({ length: 12 }, (_, index) =>
    verifier.verify('guess', hash, `2001:db8:1:${index}::/64`),
  )
  const settled = Promise.allSettled(guesses)
  assert.equal(await verifier.verify('secret', hash, '192.0.2.1'), true)
  await settled
})

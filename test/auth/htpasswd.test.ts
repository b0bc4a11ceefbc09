import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseHtpasswd } from '../../src/auth/htpasswd.ts'
import { fuzzRuns } from '../support/fuzz.ts'

const APR1 = '$apr1$saltsalt$0123456789012345678901'
const BCRYPT = `$2y$05$${'a'.repeat(53)}`
const BCRYPT_10 = `$2b$10$${'a'.repeat(53)}`

function hashes(text: string): Record<string, string> {
  return Object.fromEntries([...parseHtpasswd(text).entries.values()].map(({ name, hash }) => [name, hash]))
}

test('a line is a name, a hash, and a comment that is ignored', () => {
  assert.deepEqual(hashes(`alice:${APR1}:Alice of accounting:x\nbob:${BCRYPT}`), { alice: APR1, bob: BCRYPT })
})

test('comments, blank lines, lines without a colon and nameless lines are ignored, carriage returns too', () => {
  assert.deepEqual(hashes(`#alice:x\r\n\r\n\nbob\n:${APR1}\ncarol:${APR1}\r\n`), { carol: APR1 })
})

test('the first line of a name counts, whatever it holds', () => {
  assert.deepEqual(hashes(`alice:\nalice:${APR1}\nbob:${APR1}\nbob:${BCRYPT}`), { alice: '', bob: APR1 })
})

test('leading space is a part of the name', () => {
  assert.deepEqual(hashes(` alice:${APR1}`), { ' alice': APR1 })
})

test('a name that grants would take for something else is left out and reported', () => {
  const { entries, problems } = parseHtpasswd(`$authenticated:${APR1}\n@ops:${APR1}\nanonymous:${APR1}`)
  assert.deepEqual([...entries.keys()], ['anonymous'])
  assert.deepEqual(
    problems.map(({ line, name }) => ({ line, name })),
    [
      { line: 1, name: '$authenticated' },
      { line: 2, name: '@ops' },
    ],
  )
})

test('an unsupported hash keeps its name taken and is reported without the hash', () => {
  const { entries, problems } = parseHtpasswd(
    `a:{SHA}c2VjcmV0\nb:$y$j9T$abc$def\nc:\nd:plain\ne:$2y$05$short`,
  )
  assert.deepEqual([...entries.keys()], ['a', 'b', 'c', 'd', 'e'])
  assert.deepEqual(
    problems.map(({ name }) => name),
    ['a', 'b', 'c', 'd', 'e'],
  )
  assert.doesNotMatch(JSON.stringify(problems), /c2VjcmV0|j9T|plain|short/)
})

test('a line that gives a login by a weak hash is reported without the hash', () => {
  const list = parseHtpasswd(`a:{PLAIN}secret\nb:${BCRYPT_10}\nc:${APR1}\nd:abeWkOPcXnRuk\na:${APR1}`)
  assert.deepEqual(
    list.weak.map(({ line, name }) => ({ line, name })),
    [
      { line: 1, name: 'a' },
      { line: 3, name: 'c' },
      { line: 4, name: 'd' },
    ],
  )
  assert.deepEqual(list.problems, [])
  assert.doesNotMatch(JSON.stringify(list.weak), /secret|eWkOPcXnRuk/)
})

test('a hash that asks for more than a login is worth is reported, and nobody logs in with it', () => {
  const { problems } = parseHtpasswd(
    `a:$6$rounds=999999999$salt$${'a'.repeat(86)}\nb:$2y$31$${'a'.repeat(53)}`,
  )
  assert.deepEqual(
    problems.map(({ name, message }) => [name, /too costly \((\w+)\)/.exec(message)?.[1]]),
    [
      ['a', 'sha512crypt'],
      ['b', 'bcrypt'],
    ],
  )
})

test('the decoy costs what most entries cost', () => {
  const decoyOf = (...list: string[]): string | undefined =>
    parseHtpasswd(list.map((hash, index) => `user${index}:${hash}`).join('\n')).decoy
  assert.equal(decoyOf(APR1, BCRYPT, BCRYPT_10, BCRYPT_10), BCRYPT_10)
  assert.equal(decoyOf(BCRYPT, APR1, '$1$', '$1$', '', APR1), APR1)
  assert.equal(decoyOf('{SHA}x'), undefined)
  assert.equal(decoyOf(), undefined)
})

test('any text can be read', () => {
  const line = fc.oneof(
    fc.string(),
    fc.string({ unit: fc.constantFrom('a', ':', '#', '$', '@', '\r', '\n', ' ') }),
  )
  fc.assert(
    fc.property(fc.array(line), (lines) => {
      const { entries } = parseHtpasswd(lines.join('\n'))
      for (const [name, entry] of entries) {
        assert.equal(entry.name, name)
        assert.match(name, /^[^:#$@\r\n][^:\r\n]*$/)
        assert.match(entry.hash, /^[^:\r\n]*$/)
      }
    }),
  )
})

test('any text means to each name what it means to nginx', () => {
  const unit = fc.constantFrom('a', 'b', ':', '#', '$', '@', '\r', '\n', ' ', 'é')
  const name = fc.string({ unit: fc.constantFrom('a', 'b', ' ', '#', 'é'), minLength: 1, maxLength: 3 })
  const line = fc
    .tuple(name, fc.constantFrom(':x', ':', '', ':x:y', ':x\r', '\r:x', '::'))
    .map((parts) => parts.join(''))
  const text = fc.oneof(
    fc.string({ unit }),
    fc.array(line).map((lines) => lines.join('\n')),
  )
  fc.assert(
    fc.property(text, name, (file, asked) => {
      const { entries } = parseHtpasswd(file)
      for (const each of [asked, ...entries.keys()])
        assert.equal(entries.get(each)?.hash, foundByNginx(file, each), JSON.stringify(each))
    }),
    { numRuns: fuzzRuns(1000) },
  )
})

/**
 * What ngx_http_auth_basic_handler finds behind a name, read as it reads: one character after the other. In one thing it
 * differs: nginx skips the line below one that holds the beginning of the name alone.
 */
function foundByNginx(text: string, name: string): string | undefined {
  const wanted = `${name}:`
  let matched = 0
  let state: 'name' | 'skipping' = 'name'
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at)
    if (character === '\n') [state, matched] = ['name', 0]
    else if (state === 'skipping') continue
    else if (matched === 0 && (character === '#' || character === '\r')) state = 'skipping'
    else if (character !== wanted.charAt(matched)) state = 'skipping'
    else if (++matched === wanted.length) return /^[^\n\r:]*/.exec(text.slice(at + 1))?.[0]
  }
  return undefined
}

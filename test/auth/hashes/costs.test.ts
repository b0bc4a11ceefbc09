import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { matchesHash } from '../../../src/auth/hashes/kinds.ts'
import { inspectHash } from '../../../src/auth/password-hash.ts'
import { VECTORS } from './vectors.ts'

const B43 = 'a'.repeat(43)
const B86 = 'a'.repeat(86)
const TOO_COSTLY = [
  `$2b$17$${'a'.repeat(53)}`,
  `$5$rounds=2000001$salt$${B43}`,
  `$6$rounds=999999999$salt$${B86}`,
  `$sha1$4000000000$salt$${'a'.repeat(28)}`,
  `$md5,rounds=4294967295$salt$$${'a'.repeat(22)}`,
  `_zzzzsalt${'a'.repeat(11)}`,
  `$y$jHT$salt$${B43}`, // 4 GiB
  `$y$j9T/zzzz/$salt$${B43}`, // t
  `$gy$jHT$salt$${B43}`,
  `$7$GU..../....salt$${B43}`,
  `$7$zU..../....salt$${B43}`,
  `$7$4U....zzzzzsalt$${B43}`, // p
  '$argon2id$v=19$m=2097152,t=1,p=4$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc',
  '$argon2id$v=19$m=65536,t=4294967295,p=4$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc',
]
/** What programs write by default, or with the highest costs that somebody may have chosen with care. */
const BEARABLE = [
  `$2y$12$${'a'.repeat(53)}`,
  `$6$rounds=656000$salt$${B86}`,
  `$sha1$262144$salt$${'a'.repeat(28)}`,
  `$y$j9T$salt$${B43}`,
  `$y$jCT$salt$${B43}`,
  `$7$CU..../....salt$${B43}`,
  '$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc',
]

test('what would take more time or memory than a login is worth is a problem with a name', () => {
  for (const hash of TOO_COSTLY) {
    const { problem, costClass } = inspectHash(hash)
    assert.match(problem ?? '', /too costly \([\w -]+\): it asks for|its parameters|it goes through/, hash)
    assert.equal(costClass, undefined, hash)
  }
})

test('what programs write is neither too costly nor weak', () => {
  for (const hash of BEARABLE) {
    const { problem, weakness } = inspectHash(hash)
    assert.deepEqual([problem, weakness], [undefined, undefined], hash)
  }
})

test('what is soon guessed is weak, by its kind or by its costs', () => {
  const weak = VECTORS.filter(([, hash]) => inspectHash(hash).weakness !== undefined).map(([, hash]) => hash)
  const strong = VECTORS.filter(([, hash]) => inspectHash(hash).weakness === undefined).map(
    ([, hash]) => hash,
  )
  for (const start of [
    '$1$',
    '$apr1$',
    '$3$',
    '$md5',
    '_',
    'ab',
    'cd',
    '{SHA}',
    '{SSHA}',
    '{PLAIN}',
    '$2x$',
    '$5$rounds=1000$',
    '$7$4',
  ])
    assert.ok(
      weak.some((hash) => hash.startsWith(start)),
      start,
    )
  assert.deepEqual(
    new Set(strong.map((hash) => /^\$\w+\$/.exec(hash)?.[0])),
    new Set(['$5$', '$6$', '$y$', '$gy$']),
  )
})

test('no text makes a verification fail otherwise than by saying no', () => {
  const cheap = VECTORS.map(([, hash]) => hash).filter((hash) => !/^\$(?:g?y\$j9T|2)/.test(hash))
  const mutated = fc
    .tuple(
      fc.constantFrom(...cheap),
      fc.nat(),
      fc.constantFrom('', '.', 'z', '$', '/', '0', '9', 'é'),
      fc.nat({ max: 2 }),
    )
    .map(
      ([hash, at, put, cut]) => hash.slice(0, at % hash.length) + put + hash.slice((at % hash.length) + cut),
    )
  fc.assert(
    fc.property(fc.oneof(mutated, fc.string()), (hash) => {
      const { costClass } = inspectHash(hash)
      // A mutation may have asked for seconds.
      if (costClass !== undefined && isCheap(costClass)) matchesHash('word', hash)
    }),
    { numRuns: 300 },
  )
})

function isCheap(costClass: string): boolean {
  return (costClass.match(/\d+/g) ?? []).reduce((product, number) => product * Number(number), 1) < 3_000_000
}

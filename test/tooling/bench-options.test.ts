// What the bench is asked on its command line.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { helpText, parseOptions, selectScenarios, type Options } from '../bench/options.ts'
import { SCENARIOS } from '../bench/scenarios.ts'
import { known } from '../support/known.ts'

const CHOICES = [
  { name: 'ping' },
  { name: 'blob-4kib' },
  { name: 'blob-1mib' },
  { name: 'rare', isExtra: true },
]

function optionsOf(...args: readonly string[]): Options {
  return known(parseOptions(args))
}

function namesFor(...args: readonly string[]): readonly string[] {
  return selectScenarios(CHOICES, optionsOf(...args)).map(({ name }) => name)
}

test('a usual run leaves the extra scenarios out, --all takes them in', () => {
  assert.deepEqual(namesFor(), ['ping', 'blob-4kib', 'blob-1mib'])
  assert.deepEqual(namesFor('--all'), ['ping', 'blob-4kib', 'blob-1mib', 'rare'])
})

test('--only takes names, several of them, extra ones, and any text for a star', () => {
  assert.deepEqual(namesFor('--only', 'rare,ping'), ['ping', 'rare'])
  assert.deepEqual(namesFor('--only', 'ping', '--only', 'rare'), ['ping', 'rare'])
  assert.deepEqual(namesFor('--only', 'blob-*'), ['blob-4kib', 'blob-1mib'])
})

test('a name that no scenario has is refused with those that there are', () => {
  assert.throws(() => namesFor('--only', 'pong'), /no scenario "pong": there are ping, blob-4kib/)
  assert.throws(() => namesFor('--only', 'b.*'), /no scenario "b\.\*"/)
})

test('--quick makes fewer runs and smaller blobs; what is written beside it wins', () => {
  const [full, quick] = [optionsOf(), optionsOf('--quick')]
  assert.equal(full.runs, 5)
  assert.ok(quick.runs < full.runs && quick.largeBlobBytes < full.largeBlobBytes)
  assert.equal(optionsOf('--quick', '--runs', '9').runs, 9)
})

test('numbers that are none, unknown options, and documents of half a run are refused', () => {
  assert.throws(() => parseOptions(['--runs', '0']), /--runs must be a whole number above zero/)
  assert.throws(() => parseOptions(['--fast']), /--fast/)
  assert.throws(() => parseOptions(['--write-docs', '--quick']), /--write-docs is for a whole run/)
  assert.throws(() => parseOptions(['--write-docs', '--only', 'ping']), /--write-docs is for a whole run/)
})

test('the help names every scenario, once', () => {
  const names = SCENARIOS.map(({ name }) => name)
  assert.equal(new Set(names).size, names.length)
  const help = helpText(SCENARIOS)
  for (const name of names) assert.match(help, new RegExp(`^[+ ] ${name} `, 'm'))
})

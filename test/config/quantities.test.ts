import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  DURATION,
  formatDuration,
  parseDurationMs,
  parseSizeBytes,
  SIZE,
} from '../../src/config/quantities.ts'
import { suggestion } from '../../src/config/suggest.ts'

test('durations are whole numbers of one unit', () => {
  assert.deepEqual(
    ['500ms', '30s', '10m', '12h', '2d', '0s'].map(parseDurationMs),
    [500, 30_000, 600_000, 43_200_000, 172_800_000, 0],
  )
  assert.deepEqual(
    ['10', '1.5h', '1h30m', '-1s', '10 m', '10M', '1234567s', ''].filter((text) => DURATION.test(text)),
    [],
  )
})

test('sizes are binary or decimal', () => {
  assert.deepEqual(
    ['1B', '64MiB', '200GiB', '1MB'].map(parseSizeBytes),
    [1, 67_108_864, 214_748_364_800, 1_000_000],
  )
  assert.deepEqual(
    ['64', '64M', '64mib', '1.5GiB', '64 MiB', 'MiB'].filter((text) => SIZE.test(text)),
    [],
  )
})

test('a duration is shown in its largest whole unit', () => {
  assert.deepEqual([172_800_000, 90_000, 500, 0].map(formatDuration), ['2d', '90s', '500ms', '0ms'])
})

test('a mistyped word is met by its nearest neighbour, and by none that is far', () => {
  const known = ['repositories', 'upstreams', 'stores', 'key']
  assert.equal(suggestion('repositorys', known), '; did you mean "repositories"?')
  assert.equal(suggestion('STORES', known), '; did you mean "stores"?')
  assert.equal(suggestion('kye', known), '; did you mean "key"?')
  assert.equal(suggestion('workers', known), '')
  assert.equal(suggestion('x'.repeat(100_000), known), '')
})

// What the bench makes of its figures: medians, ratios, verdicts, tables, the chart and the page.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { latenciesOf } from '../bench/load/fresh-connections.ts'
import { chartOf } from '../bench/chart.ts'
import { sentAccordingTo } from '../bench/content/upstream.ts'
import { withFigures } from '../bench/docs-page.ts'
import { parseOptions } from '../bench/options.ts'
import { isMissed, resultText } from '../bench/report.ts'
import type { Result, Run } from '../bench/result.ts'
import { judge, type Figure } from '../bench/scenario.ts'
import { median, percentile, shown } from '../bench/statistics.ts'
import { known } from '../support/known.ts'

function figure(subject: string, runs: readonly number[], details: Record<string, string> = {}): Figure {
  return { subject, value: median(runs), runs, details }
}

const OURS = figure('dockgate', [20, 30, 90], { 'p99 ms': '7.0' })
const BARE = figure('bare node:https', [10, 10, 10], { 'p99 ms': '3.0' })
const SLOW = figure('nginx <old>', [3000, 3000, 3000], { 'p99 ms': '90' })

function resultOf(change: Partial<Result> = {}): Result {
  const verdicts = judge(
    [{ subject: 'dockgate', against: BARE.subject, limit: 2, text: '≤ 2 × bare' }],
    [OURS, BARE],
  )
  return {
    scenario: { name: 'ping', title: 'GET /v2/', unit: 'CPU µs' },
    figures: [OURS, BARE, SLOW],
    verdicts,
    notes: ['left out: distribution 3: no Go'],
    seconds: 1,
    ...change,
  }
}

function runOf(results: readonly Result[]): Run {
  const machine = {
    cpu: 'a CPU',
    cores: 2,
    memoryGib: 4,
    kernel: '6.1',
    node: '24.0.0',
    openssl: '3.5',
    nginx: '1.22',
    dockerRegistry: '2.8',
  }
  const options = known(parseOptions([]))
  return { time: '2026-01-02T03:04:05.000Z', version: '1.2.3', machine, options, results }
}

test('the median lies in the middle, a percentile is one of the values', () => {
  assert.equal(median([9, 1, 5]), 5)
  assert.equal(median([1, 2, 3, 4]), 2.5)
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index)
  assert.equal(percentile(hundred, 99), 99)
  assert.equal(percentile([7], 95), 7)
})

test('three digits count', () => {
  assert.deepEqual([1234.5, 12.345, 0.012345].map(shown), ['1235', '12.3', '0.0123'])
})

test('ratios are taken run by run, and their median is judged', () => {
  const [verdict] = judge([{ subject: 'dockgate', against: BARE.subject, limit: 3, text: '' }], [OURS, BARE])
  assert.deepEqual([verdict?.actual, verdict?.isReached], [3, true])
})

test('a target without a peer is held against the value, one of a column against that', () => {
  const targets = [
    { subject: 'dockgate', limit: 29, text: '' },
    { subject: 'dockgate', column: 'p99 ms', limit: 7, text: '' },
  ]
  assert.deepEqual(
    judge(targets, [OURS]).map(({ actual, isReached }) => [actual, isReached]),
    [
      [30, false],
      [7, true],
    ],
  )
})

test('what was left out is not judged, what was forgotten is a mistake', () => {
  const targets = [{ subject: 'dockgate', against: 'distribution 3', limit: 1, text: '' }]
  assert.deepEqual(judge(targets, [OURS], new Set(['distribution 3'])), [])
  assert.throws(() => judge(targets, [OURS]), /nothing was measured of distribution 3/)
})

test('the table has a row for each system, and says which targets are missed and who is left out', () => {
  const text = resultText(resultOf())
  assert.match(text, /^ {2}dockgate +30\.0 +1\.00 +20\.0 +90\.0 +7\.0$/m)
  assert.match(text, /^ {2}bare node:https +10\.0 +0\.333 /m)
  assert.match(text, /^ {2}MISSED {2}≤ 2 × bare: 3\.00 \(limit 2\.00\)$/m)
  assert.match(text, /^ {2}left out: distribution 3: no Go$/m)
})

test('a goal that is not reached is no missed target, and a scenario that failed says why', () => {
  const goal = { subject: 'dockgate', limit: 1, text: 'wished for', isGoal: true }
  const verdicts = judge([goal], [OURS])
  assert.match(resultText(resultOf({ verdicts })), /^ {2}goal {4}wished for: 30\.0 \(limit 1\.00\)$/m)
  assert.deepEqual(verdicts.map(isMissed), [false])
  const failed = resultOf({ figures: [], verdicts: [], failure: 'nginx did not start' })
  assert.match(resultText(failed), /FAILED {2}nginx did not start/)
})

test('the chart has a bar for each figure, cuts those that would hide the rest, and writes names as text', () => {
  const svg = chartOf([resultOf()], 'here & now')
  const widths = [...svg.matchAll(/<rect x="[\d.]+" y="\d+" width="([\d.]+)"/g)].map(([, width]) =>
    Number(width),
  )
  assert.equal(widths.length, 3)
  assert.equal(widths[0], known(widths[2]) / 6)
  assert.equal([...svg.matchAll(/<path /g)].length, 1)
  assert.match(svg, /nginx &lt;old&gt;/)
  assert.match(svg, /here &amp; now/)
  assert.match(svg, />3000 {2}×100</)
})

test('scenarios without figures have no place in the chart', () => {
  const svg = chartOf([resultOf({ figures: [], failure: 'no' })], '')
  assert.doesNotMatch(svg, /ping/)
  assert.doesNotMatch(svg, /NaN/)
})

test('the page keeps what is written around the figures, and takes the new ones again and again', () => {
  const page = withFigures(`# Title\n\n${MARKS}\n\n## After\n`, runOf([resultOf()]))
  const again = withFigures(page, runOf([resultOf({ notes: ['the second run'] })]))
  assert.match(again, /^# Title\n\n<!-- bench: /)
  assert.match(again, /2026-01-02, version 1\.2\.3\. a CPU, 2 cores, 4 GiB, Linux 6\.1; Node 24\.0\.0/)
  assert.match(again, /the second run\n```\n\n<!-- \/bench -->\n\n## After\n$/)
  assert.doesNotMatch(again, /left out/)
  assert.throws(() => withFigures('# Title\n', runOf([])), /the page has no line/)
})

const MARKS =
  '<!-- bench: what follows is written by npm run bench -- --write-docs -->\n\nold\n\n<!-- /bench -->'

test("curl's times count when every request was answered on a connection of its own", () => {
  assert.deepEqual(latenciesOf('200 1 0.002\n200 1 0.004\n200 1 0.003\n', 3), { p50Ms: 3, p99Ms: 4 })
  assert.throws(() => latenciesOf('200 1 0.002\n200 0 0.001\n', 2), /1 of 2 requests failed/)
  assert.throws(() => latenciesOf('200 1 0.002\n401 1 0.001\n', 2), /the last: 401/)
})

test("an upstream's access log tells the requests and the bytes that it sent", () => {
  const log = [
    '127.0.0.1 - - [22/Nov/2026:08:00:00 +0000] "GET /v2/ HTTP/1.1" 200 2 "" "curl/7"',
    'time="2026-11-22" level=info msg="response completed" http.response.written=2',
    '127.0.0.1 - - [22/Nov/2026:08:00:01 +0000] "GET /v2/a/blobs/sha256:00 HTTP/1.1" 200 2100 "" "curl/7"',
  ]
  assert.deepEqual(sentAccordingTo(log.join('\n')), { requests: 2, bytes: 2102 })
})

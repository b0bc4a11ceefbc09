import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Registry } from 'prom-client'
import { RequestMetrics, type RequestSample } from '../../src/telemetry/request-metrics.ts'

const SAMPLE: RequestSample = {
  route: 'manifest',
  method: 'GET',
  status: 200,
  seconds: 0.002,
  bytesIn: 10,
  bytesOut: 100,
  cache: 'hit',
}

/** The lines of all metrics after these requests, without comments. */
async function told(...samples: Partial<RequestSample>[]): Promise<string[]> {
  const metrics = new RequestMetrics()
  const registry = new Registry()
  metrics.addTo(registry)
  for (const sample of samples) {
    metrics.began()
    metrics.ended({ ...SAMPLE, ...sample })
  }
  // Counters do not grow by being looked at.
  await registry.metrics()
  const text = await registry.metrics()
  return text.split('\n').filter((line) => line.startsWith('dockgate_'))
}

const named = (lines: readonly string[], name: string) => lines.filter((line) => line.startsWith(name))

test('requests are counted by route, method and status, their bytes by route', async () => {
  const lines = await told(
    {},
    {},
    { status: 404, cache: undefined },
    { route: 'blob', bytesOut: 7, cache: 'miss' },
  )
  assert.deepEqual(named(lines, 'dockgate_http_requests_total'), [
    'dockgate_http_requests_total{route="manifest",method="GET",status="200"} 2',
    'dockgate_http_requests_total{route="manifest",method="GET",status="404"} 1',
    'dockgate_http_requests_total{route="blob",method="GET",status="200"} 1',
  ])
  assert.deepEqual(named(lines, 'dockgate_http_sent_bytes_total'), [
    'dockgate_http_sent_bytes_total{route="manifest"} 300',
    'dockgate_http_sent_bytes_total{route="blob"} 7',
  ])
  assert.deepEqual(named(lines, 'dockgate_http_received_bytes_total'), [
    'dockgate_http_received_bytes_total{route="manifest"} 30',
    'dockgate_http_received_bytes_total{route="blob"} 10',
  ])
  assert.deepEqual(named(lines, 'dockgate_cache_answers_total'), [
    'dockgate_cache_answers_total{route="manifest",verdict="hit"} 2',
    'dockgate_cache_answers_total{route="blob",verdict="miss"} 1',
  ])
  assert.deepEqual(named(lines, 'dockgate_http_requests_in_flight'), ['dockgate_http_requests_in_flight 0'])
})

test('a bucket holds what took as long as it says, and all that was faster, whatever the status was', async () => {
  const name = 'dockgate_http_request_duration_seconds'
  const labels = 'route="manifest",method="GET"'
  const lines = await told(
    { seconds: 0.001 },
    { seconds: 0.0011, status: 304 },
    { seconds: 60 },
    { seconds: 1000 },
  )
  const buckets = {
    '0.001': 1,
    '0.005': 2,
    '0.025': 2,
    '0.1': 2,
    '0.5': 2,
    '2.5': 2,
    '10': 2,
    '60': 3,
    '300': 3,
  }
  // Numbers come first among an object's keys: these are written down in the order that they are told in.
  const bounds = ['0.001', '0.005', '0.025', '0.1', '0.5', '2.5', '10', '60', '300'] as const
  assert.deepEqual(named(lines, name), [
    ...bounds.map((bound) => `${name}_bucket{le="${bound}",${labels}} ${buckets[bound]}`),
    `${name}_bucket{le="+Inf",${labels}} 4`,
    `${name}_sum{${labels}} 1060.0021`,
    `${name}_count{${labels}} 4`,
  ])
})

test('methods that nobody knows are one, however many there are', async () => {
  const lines = await told({ method: 'PURGE' }, { method: 'LOCK' })
  assert.deepEqual(named(lines, 'dockgate_http_requests_total'), [
    'dockgate_http_requests_total{route="manifest",method="OTHER",status="200"} 2',
  ])
})

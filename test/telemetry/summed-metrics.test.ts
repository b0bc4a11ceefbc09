import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Metrics } from '../../src/telemetry/metrics.ts'
import { SummedMetrics } from '../../src/telemetry/summed-metrics.ts'
import { sumOf } from '../support/workers.ts'

const SAMPLE = {
  route: 'manifest',
  method: 'GET',
  status: 200,
  seconds: 0.01,
  bytesIn: 10,
  bytesOut: 100,
  cache: undefined,
}

/** Metrics of a process that has answered so many requests, and is at one more. */
function metricsAfter(requests: number): Metrics {
  const metrics = new Metrics()
  for (let count = 0; count < requests; count += 1) {
    metrics.requests.began()
    metrics.requests.ended(SAMPLE)
  }
  metrics.requests.began()
  return metrics
}

test('counters, histograms and gauges of all processes are summed', async () => {
  const summed = new SummedMetrics()
  summed.take('1', await metricsAfter(2).snapshot())
  summed.take('2', await metricsAfter(3).snapshot())
  const { text } = await summed.render(new Map())
  assert.match(text, /dockgate_http_requests_total{route="manifest",method="GET",status="200"} 5/)
  assert.match(text, /dockgate_http_request_duration_seconds_count{route="manifest",method="GET"} 5/)
  assert.equal(sumOf(text, 'dockgate_http_requests_in_flight'), 2)
})

test('what a process counted stays when it is gone, and is not counted twice; what it was at is over', async () => {
  const summed = new SummedMetrics()
  const gone = metricsAfter(2)
  summed.take('1', await gone.snapshot())
  summed.take('1', await gone.snapshot())
  await summed.keep('1')
  await summed.keep('1')
  summed.take('2', await metricsAfter(3).snapshot())
  await summed.keep('2')
  const { text } = await summed.render(new Map())
  assert.equal(sumOf(text, 'dockgate_http_requests_total'), 5)
  assert.equal(sumOf(text, 'dockgate_http_requests_in_flight'), 0)
})

test('what processes take of the machine is told for each, under one heading', async () => {
  const snapshot = await metricsAfter(0).snapshot()
  const { text } = await new SummedMetrics().render(
    new Map([
      ['primary', snapshot],
      ['1', snapshot],
    ]),
  )
  assert.equal(text.match(/^process_resident_memory_bytes{worker="(primary|1)"} \d+$/gm)?.length, 2)
  assert.equal(text.match(/^# TYPE process_resident_memory_bytes/gm)?.length, 1)
})

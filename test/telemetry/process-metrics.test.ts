import assert from 'node:assert/strict'
import { PerformanceObserver } from 'node:perf_hooks'
import { test } from 'node:test'
import { Registry } from 'prom-client'
import { addProcessMetrics } from '../../src/telemetry/process-metrics.ts'

test('what the process takes of the machine is told, and no garbage collection is watched for it', async (t) => {
  const observe = t.mock.method(PerformanceObserver.prototype, 'observe')
  const registry = new Registry()
  addProcessMetrics(registry)
  const text = await registry.metrics()
  for (const name of [
    'process_cpu_seconds_total',
    'process_resident_memory_bytes',
    'process_open_fds',
    'process_start_time_seconds',
    'nodejs_eventloop_lag_seconds',
    'nodejs_heap_size_used_bytes',
    'nodejs_version_info',
  ])
    assert.match(text, new RegExp(`^${name}[ {]`, 'm'))
  assert.equal(observe.mock.callCount(), 0)
})

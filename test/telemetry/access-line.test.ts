import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { accessLine, type AccessRecord } from '../../src/telemetry/access-line.ts'

const record: AccessRecord = {
  client: '10.0.0.1',
  method: 'GET',
  path: '/v2/a/manifests/1',
  status: 200,
  bytesIn: 300,
  bytesOut: 1000,
  durationMs: 1.5,
  route: 'manifest',
  user: 'alice',
  repository: 'a',
  action: 'pull',
  reference: '1',
  digest: undefined,
  cache: 'hit',
  code: undefined,
  cut: false,
  userAgent: 'skopeo/1.9.3',
}

test('a line is JSON with everything that is known, and nothing that is not', () => {
  const { digest: _, code: __, cut: ___, ...known } = record
  assert.deepEqual(JSON.parse(accessLine(record, Date.UTC(2026, 10, 22, 1, 2, 3, 4))), {
    level: 'info',
    time: '2026-11-22T01:02:03.004Z',
    ...known,
    msg: 'request',
  })
  assert.match(accessLine({ ...record, cut: true }, 0), /"cut":true/)
})

test('whatever a client writes into its headers and paths stays one line of valid JSON', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (path, userAgent) => {
      const line = accessLine({ ...record, path, userAgent }, 0)
      assert.equal(line.indexOf('\n'), line.length - 1)
      const read = JSON.parse(line) as { path: string; userAgent: string }
      assert.deepEqual([read.path, read.userAgent], [path, userAgent])
    }),
  )
})

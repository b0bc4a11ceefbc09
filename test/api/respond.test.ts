import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { RequestRecord } from '../../src/api/request-record.ts'
import { respondError, respondJson } from '../../src/api/respond.ts'
import { RegistryError } from '../../src/oci/error.ts'
import { send } from '../support/http.ts'
import { atEnd, type Scope } from '../support/scope.ts'

async function serve(t: Scope, listener: Parameters<typeof createServer>[1]): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  atEnd(t, () => void server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

test('JSON of any characters is sent in UTF-8, as long as it says', async (t) => {
  for (const body of [{ text: 'plain' }, { text: 'é ÿ' }, { text: '☃ 🐳' }, { text: 'é'.repeat(100_000) }]) {
    const url = await serve(t, (req, res) => respondJson(req, res, 200, body))
    const answer = await send(url)
    assert.deepEqual(JSON.parse(answer.text()), body)
    assert.equal(answer.headers['content-length'], String(Buffer.byteLength(JSON.stringify(body))))
    const head = await send(url, { method: 'HEAD' })
    assert.equal(head.headers['content-length'], answer.headers['content-length'])
    assert.equal(head.text(), '')
  }
})

test('a failure tells its code, and a bug nothing of itself', async (t) => {
  const record = new RequestRecord('192.0.2.1')
  const failures = [new RegistryError('DENIED', 'für dich nicht'), new Error('the secret')]
  const url = await serve(t, (req, res) => respondError(req, res, record, failures.shift()))
  assert.deepEqual(JSON.parse((await send(url)).text()), {
    errors: [{ code: 'DENIED', message: 'für dich nicht' }],
  })
  const bug = await send(url)
  assert.equal(bug.status, 500)
  assert.doesNotMatch(bug.text(), /secret/)
  // The log has all of it, and where it happened.
  assert.match(String((record.error as Error).stack), /respond\.test/)
})

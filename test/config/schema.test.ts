import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { toJsonSchema } from '../../src/config/schema.ts'

test('docs/dockgate.schema.json is what `dockgate check --schema` prints', async () => {
  const committed: unknown = JSON.parse(await readFile('docs/dockgate.schema.json', 'utf8'))
  assert.deepEqual(committed, JSON.parse(JSON.stringify(toJsonSchema())))
})

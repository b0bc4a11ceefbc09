// Whatever stands in the file: a configuration or a ConfigError, never anything else.
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { ConfigError } from '../../src/config/config-error.ts'
import { loadConfig } from '../../src/config/load.ts'
import { temporaryFolder } from '../support/scope.ts'

async function isHandled(cwd: string, text: string): Promise<void> {
  await writeFile(join(cwd, 'c.yml'), text)
  try {
    await loadConfig('c.yml', {}, { cwd })
  } catch (error) {
    assert(error instanceof ConfigError, String(error))
    assert(error.problems.length > 0)
    for (const { file, line = 1, message } of error.problems) {
      assert.equal(file, 'c.yml')
      assert(line >= 1 && line <= text.split('\n').length)
      assert.doesNotMatch(message, /\n/)
    }
  }
}

test('arbitrary text is a ConfigError with places inside the file', async (t) => {
  const cwd = await temporaryFolder(t)
  const punctuation = fc.string({ unit: fc.constantFrom(...'{}[]:,-*&?!|>\'"%@#~\n\t ab1<_'.split('')) })
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.string({ unit: 'binary' }), punctuation), (text) => isHandled(cwd, text)),
    { numRuns: 100 },
  )
})

test('an example with lines cut, doubled, moved or replaced is never a crash', async (t) => {
  const cwd = await temporaryFolder(t)
  const lines = (await readFile('config/dockgate.example.yml', 'utf8'))
    .split('\n')
    .filter((line) => !line.startsWith('#'))
  const edit = fc.record({
    at: fc.nat(lines.length - 1),
    cut: fc.nat(3),
    put: fc.oneof(
      fc.constantFrom(...lines),
      fc.json({ maxDepth: 2 }),
      fc.constantFrom('__proto__: {}', '  toString: 1', '? [a]'),
    ),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(edit, { maxLength: 4 }), (edits) => {
      const text = edits.reduce((kept, { at, cut, put }) => kept.toSpliced(at, cut, put), lines).join('\n')
      return isHandled(cwd, text)
    }),
    { numRuns: 50 },
  )
})

test('values of any kind under the known keys are never a crash', async (t) => {
  const cwd = await temporaryFolder(t)
  const keys = [
    'listen',
    'admin',
    'auth',
    'access',
    'upstreams',
    'repositories',
    'stores',
    'hosts',
    'cache',
    'workers',
  ]
  const inner = [
    'address',
    'tls',
    'token',
    'groups',
    'url',
    'store',
    'mirror',
    'tagTtl',
    'filesystem',
    'root',
    '__proto__',
  ]
  const value = fc.object({
    key: fc.constantFrom(...inner),
    maxDepth: 3,
    values: [fc.string(), fc.integer(), fc.constant(null)],
  })
  await fc.assert(
    fc.asyncProperty(fc.dictionary(fc.constantFrom(...keys), fc.oneof(value, fc.array(value))), (file) =>
      isHandled(cwd, JSON.stringify(file)),
    ),
    { numRuns: 100 },
  )
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseBoundedJson } from '../../src/oci/bounded-json.ts'

const parse = (text: string): unknown => parseBoundedJson(Buffer.from(text))
const nested = (depth: number) => `${'[{"a":'.repeat(depth / 2)}0${'}]'.repeat(depth / 2)}`

test('64 levels are parsed, one more is refused', () => {
  assert.doesNotThrow(() => parse(nested(64)))
  assert.throws(() => parse(`[${nested(64)}]`), /nested deeper than 64 levels/)
  assert.throws(() => parse(`{"a":${nested(64)}}`), /nested deeper/)
})

test('levels that were closed do not count', () => {
  const list = `[${Array(1000).fill('[{}]').join()}]`
  assert.deepEqual(parse(list), Array(1000).fill([{}]))
})

test('brackets in strings do not count, whatever is escaped there', () => {
  const brackets = '[{'.repeat(100)
  assert.equal(parse(`"${brackets}"`), brackets)
  assert.deepEqual(parse(`{"${brackets}":"${brackets}"}`), { [brackets]: brackets })
  assert.equal(parse(`"\\"${brackets}"`), `"${brackets}`)
  assert.deepEqual(parse(`["\\\\","${brackets}"]`), ['\\', brackets])
  assert.equal(parse(`"\\\\\\"${brackets}"`), `\\"${brackets}`)
})

test('a string that ends with an escaped backslash has ended', () => {
  assert.throws(() => parse(`["\\\\",${nested(64)}]`), /nested deeper/)
  assert.throws(() => parse(`["\\"",${nested(64)}]`), /nested deeper/)
})

test('open brackets by the million are refused before they are parsed', () => {
  assert.throws(() => parse('['.repeat(4 * 1024 * 1024)), /nested deeper/)
  assert.throws(() => parse('{"a":'.repeat(1024 * 1024)), /nested deeper/)
})

test('bytes that are not UTF-8, or not JSON, are refused', () => {
  assert.throws(() => parseBoundedJson(Buffer.from([0x22, 0xff, 0x22])), TypeError)
  assert.throws(() => parse('"a'), SyntaxError)
  assert.throws(() => parse('"a\\'), SyntaxError)
  assert.throws(() => parse(''), SyntaxError)
  assert.throws(() => parse(']'), SyntaxError)
})

test('every value is what JSON makes of it, unless it is nested too deep', () => {
  const text = fc.string({ unit: fc.constantFrom('[', '{', ']', '}', '"', '\\', 'a', 'ü', '😀') })
  const value = fc.jsonValue({ maxDepth: 4, stringUnit: 'binary' })
  fc.assert(
    fc.property(value, text, (json, word) => {
      const all = JSON.stringify({ json, [word]: [word] })
      assert.deepEqual(parse(all), JSON.parse(all))
    }),
  )
  const flat = fc.array(fc.oneof(text, fc.integer()))
  fc.assert(
    fc.property(fc.nat(80), flat, (depth, words) => {
      const json = `${'['.repeat(depth)}${JSON.stringify(words)}${']'.repeat(depth)}`
      if (depth < 64) assert.deepEqual(parse(json), JSON.parse(json))
      else assert.throws(() => parse(json), /nested deeper/)
    }),
  )
})

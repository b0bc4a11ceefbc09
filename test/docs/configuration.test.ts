// docs/configuration.md names exactly the keys of the schema, with their defaults.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { toJsonSchema } from '../../src/config/schema.ts'
import { ROOT } from '../support/gateway.ts'

interface Schema {
  readonly type?: string
  readonly default?: unknown
  readonly const?: unknown
  readonly not?: object
  readonly properties?: Readonly<Record<string, Schema>>
  readonly items?: Schema
  readonly additionalProperties?: Schema | false
  readonly anyOf?: readonly Schema[]
}

test('every key is in the table with its default, and the table has no other', async () => {
  const documented = rowsOf(await page()).map(([key, , value]) => [unquoted(key), unquoted(value)])
  const keys = leavesOf(toJsonSchema(), '').filter(({ isReserved }) => !isReserved)
  const expected = keys.map(({ key, value }) => [key, value])
  assert.deepEqual(documented.toSorted(byKey), expected.toSorted(byKey))
})

test('every key that is reserved is told as such, and no other', async () => {
  const text = (await page()).split('## Reserved')[1] ?? ''
  const documented = [...text.matchAll(/`([^`]+)`/g)].map(([, key = '']) => key)
  const reserved = leavesOf(toJsonSchema(), '').filter(({ isReserved }) => isReserved)
  assert.deepEqual(documented.toSorted(), reserved.map(({ key }) => key).toSorted())
})

function page(): Promise<string> {
  return readFile(join(ROOT, 'docs/configuration.md'), 'utf8')
}

/** The cells of the table under "Keys". */
function rowsOf(text: string): string[][] {
  const section = /^## Keys$(.*?)^## /ms.exec(text)?.[1] ?? ''
  const lines = section.split('\n').filter((line) => line.startsWith('| `'))
  return lines.map((line) => line.split('|').slice(1, -1))
}

function unquoted(cell = ''): string {
  return cell.trim().replaceAll('`', '')
}

function byKey([a = '']: string[], [b = '']: string[]): number {
  return a < b ? -1 : 1
}

interface Leaf {
  readonly key: string
  /** The default as the table writes it; empty without one. */
  readonly value: string
  readonly isReserved: boolean
}

/** Every key that holds a value of its own; for those that hold a value or a mapping, both. */
function leavesOf(schema: Schema, key: string): Leaf[] {
  const variants = [schema, ...(schema.anyOf ?? [])]
  const inner = variants.flatMap(({ properties = {}, additionalProperties, items }) => [
    ...Object.entries(properties).flatMap(([name, each]) =>
      leavesOf(each, key === '' ? name : `${key}.${name}`),
    ),
    ...(additionalProperties ? leavesOf(additionalProperties, `${key}.<name>`) : []),
    ...(items?.properties ? leavesOf(items, `${key}[]`) : []),
  ])
  const isLeaf = inner.length === 0 || schema.anyOf?.some(({ type }) => type !== 'object') === true
  if (!isLeaf) return inner
  const value = schema.default === undefined || inner.length > 0 ? '' : text(schema.default)
  return [{ key, value, isReserved: schema.not !== undefined || schema.const === false }, ...inner]
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

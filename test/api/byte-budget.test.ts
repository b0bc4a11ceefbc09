import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ByteBudget } from '../../src/api/byte-budget.ts'

test('a budget is taken to its last byte and no further', () => {
  const budget = new ByteBudget(10)
  assert.equal(budget.take(6), true)
  assert.equal(budget.take(5), false)
  // What was refused was not taken.
  assert.equal(budget.take(4), true)
  assert.equal(budget.take(1), false)
  assert.equal(budget.take(0), true)
})

test('what was given back can be taken again', () => {
  const budget = new ByteBudget(10)
  budget.take(10)
  budget.giveBack(3)
  assert.equal(budget.take(4), false)
  assert.equal(budget.take(3), true)
})

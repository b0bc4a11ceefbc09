// A collection beside requests: it hands everything on, and lets others have their turns.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { flatOut, steppingBack, type Pace } from '../../../../src/core/bundled/gc/pace.ts'

const ITEMS = 40

test('who steps back lets others have their turn, again and again', async () => {
  assert.ok((await turnsOfOthers(steppingBack())) >= 3)
})

test('at full speed nobody else has a turn while there is work', async () => {
  assert.equal(await turnsOfOthers(flatOut), 0)
})

test('two walks at one pace rest together, and each item comes once, in its place', async () => {
  const pace = steppingBack()
  const seen: number[] = []
  for await (const outer of pace(busily()))
    if (outer % 20 === 0) for await (const inner of pace(busily())) seen.push(outer * 100 + inner)
  assert.deepEqual(
    seen,
    [0, 20].flatMap((outer) => Array.from({ length: ITEMS }, (_, inner) => outer * 100 + inner)),
  )
})

test('who stops early ends the walk that is paced', async () => {
  let isEnded = false
  const items = async function* () {
    try {
      yield* busily()
    } finally {
      isEnded = true
    }
  }
  for await (const item of steppingBack()(items())) if (item === 3) break
  assert.ok(isEnded)
})

/** How often a timer of somebody else's comes due before the last item. */
async function turnsOfOthers(pace: Pace): Promise<number> {
  let turns = 0
  const timer = setInterval(() => (turns += 1), 1)
  for await (const _ of pace(busily())) continue
  clearInterval(timer)
  return turns
}

/** Takes the processor for a ms for each item, and waits for nothing. */
async function* busily(): AsyncGenerator<number> {
  for (let item = 0; item < ITEMS; item += 1) {
    const until = performance.now() + 1
    while (performance.now() < until);
    yield item
  }
}

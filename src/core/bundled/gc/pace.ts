// How fast a collection goes through a store: as fast as it can, or so that who is served beside it hardly notices.
import { setTimeout as pause } from 'node:timers/promises'

/** The same items, each when it is its turn. */
export type Pace = <Item>(items: Items<Item>) => Items<Item>

type Items<Item> = AsyncIterable<Item> | Iterable<Item>

const WORK_MS = 5
const REST_MS = 5

export const flatOut: Pace = (items) => items

/** Rests half of the time, over all that go at this pace. */
export function steppingBack(): Pace {
  let begunAt = performance.now()
  return async function* (items) {
    for await (const item of items) {
      if (performance.now() - begunAt >= WORK_MS) {
        await pause(REST_MS)
        begunAt = performance.now()
      }
      yield item
    }
  }
}

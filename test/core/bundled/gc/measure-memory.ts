// Collects a synthetic store and prints what that held in memory. By hand, with images, layers and garbage:
//   node --expose-gc test/core/bundled/gc/measure-memory.ts 100000 10 50000
import { Collector } from '../../../../src/core/bundled/gc/collector.ts'
import { Fence } from '../../../../src/core/bundled/gc/fence.ts'
import { Leases } from '../../../../src/core/bundled/gc/leases.ts'
import { ContentStore } from '../../../../src/core/content/content-store.ts'
import { aloneWith } from './collected.ts'
import { SyntheticStore } from './synthetic-store.ts'

const SAMPLES = 12

const [images = 0, layers = 0, garbage = 0] = process.argv.slice(2).map(Number)
const driver = new SyntheticStore({ images, layers, garbage })
const fence = aloneWith(new Fence(new Leases({ graceMs: 0, knownSince: 0 })))
const collector = new Collector({ content: new ContentStore(driver), fence })
const before = heldBytes()
const removals = images * (layers + 3) + garbage
let [heldAtMost, steps] = [0, 0]
const { signal } = new AbortController()
const run = collector.collect({ dryRun: false, untagged: true, signal })
for (;;) {
  const { done, value } = await run.next()
  steps += 1
  if (steps % Math.ceil(removals / SAMPLES) === 1) heldAtMost = Math.max(heldAtMost, heldBytes() - before)
  if (!done) continue
  const { rss } = process.memoryUsage()
  process.stdout.write(`${JSON.stringify({ ...value, heldBytes: heldAtMost, rss })}\n`)
  break
}

/** What is reachable, on the heap and off it; without what the store itself remembers. */
function heldBytes(): number {
  driver.deleted.clear()
  globalThis.gc?.()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

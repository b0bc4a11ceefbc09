// The pieces of a body that arrives are small objects that hold 16 KiB outside the heap each, and garbage a moment later.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

const COLLECTED_BYTES = 4 * 1024 * 1024

let receivedBytes = 0
let collect: (() => void) | undefined

/**
 * To be told of every piece. V8 collects young garbage when its objects have filled a MiB: then pieces hold 40 MiB or more, and
 * it may have taken that for a lack of memory and begun to collect everything, dozens of times in 1 GiB.
 */
export function noteReceived(bytes: number): void {
  receivedBytes += bytes
  if (receivedBytes < COLLECTED_BYTES) return
  receivedBytes = 0
  collect ??= youngCollection()
  collect()
}

function youngCollection(): () => void {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as (options: { type: 'minor' }) => void
  return () => gc({ type: 'minor' })
}

// The pieces of a body that arrives are small objects that hold 16 to 64 KiB outside the heap each, and garbage a moment later.
// V8 collects young garbage when its objects have filled a MiB: then pieces hold 40 MiB or more, and it may have taken that for
// a lack of memory and begun to collect everything, dozens of times in 1 GiB.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Frees a piece at once. To be called by the only one who ever had it, and who reads it no more. */
export function giveBack({ buffer, length }: Buffer): void {
  // Not one that shares its memory, as small buffers do.
  if (buffer.byteLength === length && buffer instanceof ArrayBuffer) buffer.transfer(0)
}

const COLLECTED_BYTES = 16 * 1024 * 1024

let receivedBytes = 0
let collect: (() => void) | undefined

/** To be told of every piece that others may still read. Collects what nobody does, every 16 MiB: every 4, that is a tenth of the work. */
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

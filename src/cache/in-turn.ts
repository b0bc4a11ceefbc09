// Work that is better done by one process after the other, and must be done all the same.
import type { Locks } from './locks.ts'

/**
 * Runs `work` in its turn among all who work on `key`, or at once when that has not come after `patienceMs`, or when there
 * are no turns to be had.
 */
export function inTurn<Result>(
  locks: Locks,
  key: string,
  patienceMs: number,
  work: () => Promise<Result>,
): Promise<Result> {
  const { promise, resolve, reject } = Promise.withResolvers<Result>()
  let hasBegun = false
  const begin = async (): Promise<void> => {
    if (hasBegun) return
    hasBegun = true
    clearTimeout(timer)
    await work().then(resolve, reject)
  }
  const timer = setTimeout(() => void begin(), patienceMs)
  locks.alone(key, begin).catch(begin)
  return promise
}

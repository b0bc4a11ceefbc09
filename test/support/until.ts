// Waiting for a condition instead of sleeping.
import { setTimeout as pause } from 'node:timers/promises'

const POLL_MS = 10

/**
 * Polls until `condition` answers something truthy, and resolves with it.
 * After `timeoutMs` (10 s) it rejects with a message that names `what` was awaited.
 */
export async function until<T>(
  what: string,
  condition: () => T | Promise<T>,
  timeoutMs = 10_000,
): Promise<NonNullable<T>> {
  const deadline = performance.now() + timeoutMs
  while (performance.now() < deadline) {
    const value = await condition()
    if (value) return value
    await pause(POLL_MS)
  }
  throw new Error(`not within ${timeoutMs} ms: ${what}`)
}

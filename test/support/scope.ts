// What a test opens is closed when the test ends, the last thing first.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Where a resource's life ends: a test's context, or `{ after }` of node:test for a whole file. */
export interface Scope {
  after(fn: () => Promise<void> | void): void
}

const stacks = new WeakMap<Scope, AsyncDisposableStack>()

/** Runs `close` at the end of `t`, before what was opened earlier is closed (a server before its folder). */
export function atEnd(t: Scope, close: () => Promise<void> | void): void {
  let stack = stacks.get(t)
  if (!stack) {
    const created = new AsyncDisposableStack()
    stacks.set(t, created)
    t.after(() => created.disposeAsync())
    stack = created
  }
  stack.defer(close)
}

/** A new empty folder that is gone when `t` ends. */
export async function temporaryFolder(t: Scope): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'dockgate-test-'))
  // A server that was killed may leave a last write behind its back: ENOTEMPTY is tried again.
  atEnd(t, () => rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 }))
  return folder
}

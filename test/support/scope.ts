// What a test opens is closed when the test ends, the last thing first.
import { mkdtemp, rm } from 'node:fs/promises'
import { after } from 'node:test'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Where a resource's life ends: a test's context, or {@link fileScope} for a whole file. */
export interface Scope {
  after(fn: () => Promise<void> | void): void
}

/** A scope that ends with the file's last test; to be made at the top of the file, not in a hook. */
export function fileScope(): Scope {
  const closers: (() => Promise<void> | void)[] = []
  let isOver = false
  after(async () => {
    isOver = true
    for (const close of closers.toReversed()) await close()
  })
  return {
    // Where --test-name-pattern leaves no test of the file, it ends while its `before` hook is still at work.
    after: (fn) => void (isOver ? fn() : closers.push(fn)),
  }
}

const stacks = new WeakMap<Scope, AsyncDisposableStack>()

/**
 * Runs `close` at the end of `t`, before what was opened earlier is closed (a server before its folder); at once, where `t`
 * has ended.
 */
export function atEnd(t: Scope, close: () => Promise<void> | void): void {
  let stack = stacks.get(t)
  if (!stack) {
    const created = new AsyncDisposableStack()
    stacks.set(t, created)
    t.after(() => created.disposeAsync())
    stack = created
  }
  if (stack.disposed) void close()
  else stack.defer(close)
}

/** Runs `work` in a scope of its own, which ends with it. */
export async function scoped<Value>(work: (t: Scope) => Promise<Value>): Promise<Value> {
  await using stack = new AsyncDisposableStack()
  return await work({ after: (close) => stack.defer(close) })
}

/** A new empty folder that is gone when `t` ends. */
export async function temporaryFolder(t: Scope): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'dockgate-test-'))
  // A server that was killed may leave a last write behind its back: ENOTEMPTY is tried again.
  atEnd(t, () => rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 }))
  return folder
}

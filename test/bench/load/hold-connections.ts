// Keep-alive TLS connections that have asked once and then say nothing, held by a process on the clients' core.
import { join } from 'node:path'
import { CLIENT_CORE, pinned } from '../pinned.ts'
import { startProcess } from '../../support/process.ts'
import type { Scope } from '../../support/scope.ts'
import type { HolderOptions } from './connection-holder.ts'

const HOLDER = join(import.meta.dirname, 'connection-holder.ts')

/** Resolves once all are open and answered. They are closed when `t` ends. */
export async function holdConnections(t: Scope, options: HolderOptions): Promise<void> {
  const [program, ...args] = pinned(CLIENT_CORE, [process.execPath, HOLDER, JSON.stringify(options)])
  await startProcess(t, program, {
    args,
    ready: (holder) => holder.output().includes('held'),
    readyTimeoutMs: 180_000,
  })
}

// What the operator reaches: the admin address.
import type { Config } from '../config/config.ts'
import { Listener } from '../server/listener.ts'
import { buildAdmin, type AdminOptions } from './build-admin.ts'
import { listening, urlOf } from './listeners.ts'
import type { Parts } from './parts.ts'

export type AdminSideOptions = Pick<AdminOptions, 'checkHealth' | 'renderMetrics' | 'localToken' | 'audit'>

/** The admin address answers short questions only. */
const IDLE_MS = 30_000

/** Answers its URL. Closed with `stack`. */
export async function openAdminSide(
  { admin: { address } }: Config,
  { auth, operations, upstreams, naming, origins }: Parts,
  options: AdminSideOptions,
  stack: AsyncDisposableStack,
): Promise<string> {
  const handler = buildAdmin({
    ...auth,
    ...options,
    stores: operations,
    upstreams: () => upstreams.standing(),
    naming,
    origins,
  })
  const listener = new Listener({ ...address, tls: undefined, handler, idleTimeoutMs: IDLE_MS })
  const port = await listening(address, listener.listen())
  stack.defer(() => listener.close(0))
  return urlOf(address, port, false)
}

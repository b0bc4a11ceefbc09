// The admin API of the stores: `POST /api/stores/<store>/<operation>`, answered line by line while the work goes on.
import { json, Router, type Response } from 'express'
import { RegistryError } from '../oci/error.ts'
import { requireAdmin, type AdminAuthOptions } from './admin-auth.ts'
import { answerError } from './admin-errors.ts'

/**
 * Something that is done to a store: yields steps while it works and returns what came of it, all of it JSON. Ends early
 * when `signal` is aborted, in a state that it can be run again from. Rejects with a `RegistryError` for a bad `input`.
 */
export type StoreOperation = (input: unknown, signal: AbortSignal) => AsyncGenerator<object, object, void>

/** By name, as the API and the command line call them: `delete`, `scrub`. */
export type StoreOperations = Readonly<Record<string, StoreOperation>>

export interface StoreApiOptions extends AdminAuthOptions {
  /** By the store's name in the configuration. */
  readonly stores: ReadonlyMap<string, StoreOperations>
}

/** One line of an answer. The last one holds a result or an error. */
export type OperationLine =
  | { readonly step: object }
  | { readonly result: object }
  | { readonly error: { readonly code: string; readonly message: string } }

/** Keeps a quiet connection from being taken for a dead one; readers skip empty lines. */
const HEARTBEAT_MS = 5000

const MAX_INPUT_BYTES = 64 * 1024

/** To be mounted at `/api`. */
export function storeApi(options: StoreApiOptions): Router {
  const router = Router()
  router.use(requireAdmin(options))
  router.get('/stores', (_req, res) => {
    const stores = [...options.stores].map(([name, operations]) => ({
      name,
      operations: Object.keys(operations),
    }))
    res.json({ stores })
  })
  // A page of another site can send a form, but no JSON, on behalf of a browser that is logged in.
  router.post('/stores/:store/:operation', json({ limit: MAX_INPUT_BYTES }), async (req, res) => {
    if (!req.is('application/json'))
      throw new RegistryError('UNSUPPORTED', 'the body must be JSON', { status: 415 })
    const operations = options.stores.get(req.params.store)
    const { operation } = req.params
    const run = operations && Object.hasOwn(operations, operation) ? operations[operation] : undefined
    if (!run) throw new RegistryError('NAME_UNKNOWN', 'no such store or operation')
    await answer(res, run, req.body)
  })
  router.use(() => {
    throw new RegistryError('UNSUPPORTED', 'no such page', { status: 404 })
  })
  router.use(answerError)
  return router
}

async function answer(res: Response, run: StoreOperation, input: unknown): Promise<void> {
  const stopped = new AbortController()
  res.once('close', () => stopped.abort())
  const heartbeat = setInterval(() => void begun(res).write('\n'), HEARTBEAT_MS)
  try {
    const work = run(input, stopped.signal)
    for (;;) {
      const { done, value } = await work.next()
      await writeLine(begun(res), done ? { result: value } : { step: value })
      if (done) break
    }
  } catch (error) {
    // What is refused before the first step has a status of its own.
    if (!res.headersSent) throw error
    await writeLine(res, { error: describe(error) })
  } finally {
    clearInterval(heartbeat)
  }
  res.end()
}

function begun(res: Response): Response {
  return res.headersSent ? res : res.status(200).set('Content-Type', 'application/x-ndjson')
}

/** Waits for a slow reader: a report of many lines must not pile up in memory. */
async function writeLine(res: Response, line: OperationLine): Promise<void> {
  if (res.destroyed || res.write(`${JSON.stringify(line)}\n`)) return
  await new Promise<void>((resolve) => {
    res.once('drain', resolve)
    res.once('close', resolve)
  })
}

function describe(error: unknown): { code: string; message: string } {
  if (error instanceof RegistryError) return { code: error.code, message: error.message }
  return { code: 'UNKNOWN', message: error instanceof Error ? error.message : String(error) }
}

// One of the stand-in's servers: a fixed port that can be closed and opened again, and a record of every request.
import { once } from 'node:events'
import { createServer as createHttp, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createHttps } from 'node:https'
import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import type { TestCertificate } from '../certificates.ts'
import { freePort } from '../port.ts'
import { errorReply, type HubRequest, type HubServer, type Reply } from './exchange.ts'
import type { Faults } from './faults.ts'
import { sendReply } from './reply.ts'

export type Handle = (request: HubRequest) => Reply

export interface ListenerOptions {
  readonly server: HubServer
  readonly handle: Handle
  readonly faults: Faults
  /** Where every request is noted, in the order they came in. */
  readonly requests: HubRequest[]
  readonly tls: TestCertificate | undefined
}

export interface Listener {
  readonly port: number
  /** Refuses connections from now on and resets those that are open. */
  down(): Promise<void>
  /** Listens again on the same port. Harmless when it does already. */
  up(): Promise<void>
}

export async function startListener(options: ListenerOptions): Promise<Listener> {
  const server = await createServer(options.tls)
  server.on('request', (req, res) => void answer(req, res, options))
  const port = await freePort()
  const up = async (): Promise<void> => {
    if (server.listening) return
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
  }
  const down = async (): Promise<void> => {
    if (!server.listening) return
    server.close()
    server.closeAllConnections()
    await once(server, 'close')
  }
  await up()
  return { port, up, down }
}

async function createServer(tls: TestCertificate | undefined): Promise<Server> {
  if (!tls) return createHttp()
  return createHttps({ cert: await readFile(tls.certificate), key: await readFile(tls.key) })
}

async function answer(req: IncomingMessage, res: ServerResponse, options: ListenerOptions): Promise<void> {
  res.on('error', () => undefined) // a client that went away shows in the record
  const record: HubRequest = {
    server: options.server,
    method: req.method ?? '',
    path: req.url ?? '',
    headers: req.headers,
    body: req.method === 'POST' ? await text(req).catch(() => '') : '',
    status: 0,
    bytesSent: 0,
    outcome: undefined,
  }
  options.requests.push(record)
  await sendReply(res, replyOf(record, options.handle), record, options.faults.strike(record))
}

function replyOf(record: HubRequest, handle: Handle): Reply {
  try {
    return handle(record)
  } catch (error) {
    return errorReply(500, 'UNKNOWN', `the stand-in failed: ${String(error)}`)
  }
}

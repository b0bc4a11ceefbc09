// A server on loopback that answers as a test says, and remembers what it was asked.
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { atEnd, type Scope } from '../support/scope.ts'

export interface Asked {
  readonly method: string
  /** Path and query. */
  readonly target: string
  readonly authorization: string | undefined
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
}

export interface ScriptedServer {
  readonly url: string
  readonly requests: Asked[]
  /** Sockets that are open now. */
  connections(): Promise<number>
  close(): Promise<void>
}

export async function startScriptedServer(
  t: Scope,
  answer: (req: IncomingMessage, res: ServerResponse, url: URL) => void,
): Promise<ScriptedServer> {
  const requests: Asked[] = []
  const server = createServer((req, res) => {
    const { method = '', url: target = '', headers } = req
    requests.push({ method, target, authorization: headers.authorization, headers })
    answer(req, res, new URL(target, 'http://server'))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const close = async (): Promise<void> => {
    server.closeAllConnections()
    if (!server.listening) return
    server.close()
    await once(server, 'close')
  }
  atEnd(t, close)
  const connections = (): Promise<number> =>
    new Promise((resolve, reject) => {
      server.getConnections((error, count) => (error ? reject(error) : resolve(count)))
    })
  return { url: `http://127.0.0.1:${port}`, requests, connections, close }
}

/** An image manifest without layers, as bytes; `seed` makes it another one. */
export function manifestBytes(seed = ''): Buffer {
  const config = {
    mediaType: 'application/vnd.oci.image.config.v1+json',
    digest: `sha256:${'0'.repeat(64)}`,
    size: 2,
  }
  const mediaType = 'application/vnd.oci.image.manifest.v1+json'
  return Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType, config, layers: [], annotations: { seed } }),
  )
}

// A bare server in front of an HttpForwarder: parses the few routes that are forwarded and answers its failures.
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { HttpForwarder, type HttpForwarderOptions } from '../../../src/core/external/http-forwarder.ts'
import type { ForwardRoute } from '../../../src/core/forwarder.ts'
import { parseDigest } from '../../../src/oci/digest.ts'
import { RegistryError } from '../../../src/oci/error.ts'
import { parseRepositoryName } from '../../../src/oci/repository-name.ts'
import { atEnd, type Scope } from '../../support/scope.ts'

export const PUBLIC_ORIGIN = 'https://registry.example.com:8443'

export interface ForwardingGateway {
  readonly url: string
  /** What `forward` rejected with, in order. */
  readonly failures: unknown[]
}

/** `publicName` is what every client is taken to call its repository by; its real name by default. */
export async function startForwardingGateway(
  t: Scope,
  options: HttpForwarderOptions & { readonly publicName?: string },
): Promise<ForwardingGateway> {
  const forwarder = new HttpForwarder(options)
  const failures: unknown[] = []
  const handle = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const route = routeOf(req.url ?? '')
    const publicName = options.publicName ?? route.repository
    try {
      await forwarder.forward(req, res, route, { publicOrigin: PUBLIC_ORIGIN, publicName })
    } catch (failure) {
      failures.push(failure)
      if (!(failure instanceof RegistryError)) throw failure
      req.resume()
      res.writeHead(failure.status, { ...failure.headers, 'content-type': 'application/json' })
      res.end(JSON.stringify(failure))
    }
  }
  const listener = (req: IncomingMessage, res: ServerResponse): void => void handle(req, res)
  const server = createServer({ requestTimeout: 0 }, listener).on('checkContinue', listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  atEnd(t, async () => {
    forwarder.close()
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, failures }
}

function routeOf(url: string): ForwardRoute {
  const [path = '', query = ''] = url.split('?')
  const parts = /^\/v2\/(.+)\/blobs\/(uploads\/)?([^/]*)$/.exec(path)
  const repository = parseRepositoryName(parts?.[1] ?? '')
  if (!parts || repository === undefined) throw new Error(`not forwarded: ${url}`)
  const id = parts[3] ?? ''
  if (parts[2] !== undefined)
    return id === '' ? { kind: 'upload-start', repository, query } : { kind: 'upload', repository, id, query }
  const digest = parseDigest(id)
  if (digest === undefined) throw new Error(`no digest: ${url}`)
  return { kind: 'blob', repository, digest, query }
}

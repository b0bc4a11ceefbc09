// An HTTP proxy on loopback as companies have them: every host that it is asked for is on this machine.
import { once } from 'node:events'
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { atEnd, type Scope } from './scope.ts'

export interface ForwardProxy {
  readonly url: string
  /** What it was asked for: `GET http://host:port/path`, `CONNECT host:port`. */
  readonly asked: string[]
  /** The `Proxy-Authorization` of each. */
  readonly logins: (string | undefined)[]
}

export async function startForwardProxy(t: Scope): Promise<ForwardProxy> {
  const asked: string[] = []
  const logins: (string | undefined)[] = []
  const sockets = new Set<Socket>()
  const note = (req: IncomingMessage): void => {
    asked.push(`${req.method} ${req.url}`)
    logins.push(req.headers['proxy-authorization'])
  }
  const server = createServer((req, res) => {
    note(req)
    passOn(req, res)
  })
  server.on('connection', (socket: Socket) => sockets.add(socket))
  server.on('connect', (req: IncomingMessage, client: Socket) => {
    note(req)
    const port = Number(req.url?.split(':').at(-1))
    const target = connect(port, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n')
      target.pipe(client).pipe(target)
    })
    sockets.add(target)
    for (const socket of [client, target]) socket.on('error', () => undefined)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  atEnd(t, async () => {
    for (const socket of sockets) socket.destroy()
    server.close()
    await once(server, 'close')
  })
  return { url: `http://127.0.0.1:${port}`, asked, logins }
}

function passOn(req: IncomingMessage, res: ServerResponse): void {
  const { port, pathname, search } = new URL(req.url ?? '')
  const { 'proxy-authorization': _login, ...headers } = req.headers
  const target = {
    host: '127.0.0.1',
    port,
    path: pathname + search,
    method: req.method,
    headers,
    agent: false,
  }
  const request = httpRequest(target, (answer) => {
    res.writeHead(answer.statusCode ?? 502, answer.headers)
    answer.pipe(res)
  })
  request.on('error', () => res.destroy())
  req.pipe(request)
}

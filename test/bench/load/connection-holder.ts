// The program behind hold-connections.ts: `node connection-holder.ts '{…}'`.
import { once } from 'node:events'
import { connect, type TLSSocket } from 'node:tls'

export interface HolderOptions {
  readonly url: string
  readonly authorization: string
  readonly connections: number
}

const AT_ONE_TIME = 32
/** Servers close what was not used for a minute or so; on a slow machine it takes longer to open all. */
const ASK_AGAIN_MS = 45_000

const { url, authorization, connections } = JSON.parse(process.argv[2] ?? '') as HolderOptions
const { hostname, port, pathname } = new URL(url)
const question = `GET ${pathname} HTTP/1.1\r\nHost: ${hostname}:${port}\r\nAuthorization: ${authorization}\r\n\r\n`
const held: TLSSocket[] = []

async function openSome(): Promise<void> {
  while (held.length < connections) {
    const socket = connect({ host: hostname, port: Number(port), rejectUnauthorized: false })
    held.push(socket)
    socket.on('close', () => fail('a connection was closed'))
    await once(socket, 'secureConnect')
    socket.write(question)
    const [answer] = (await once(socket, 'data')) as [Buffer]
    if (!answer.toString('latin1').startsWith('HTTP/1.1 200 ')) fail(`the answer was ${answer.toString()}`)
    socket.resume()
    setInterval(() => socket.write(question), ASK_AGAIN_MS)
  }
}

function fail(why: string): void {
  process.stderr.write(`${why}\n`)
  process.exit(1)
}

await Promise.all(Array.from({ length: AT_ONE_TIME }, openSome))
process.stdout.write('held\n')

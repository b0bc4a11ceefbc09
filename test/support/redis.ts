// A real Redis of its own for a test: in memory, on loopback, to be frozen and killed at will.
import { once } from 'node:events'
import { connect } from 'node:net'
import { freePort } from './port.ts'
import { startProcess, type RunningProcess } from './process.ts'
import { temporaryFolder, type Scope } from './scope.ts'

export interface RedisServer {
  /** `redis://127.0.0.1:<port>/0`. */
  readonly url: string
  readonly port: number
  readonly pid: number
  /** Stops it from answering: connections stay open, commands hang. */
  freeze(): void
  thaw(): void
  /** Ends it at once; connections break, later ones are refused. */
  kill(): Promise<void>
  /** Starts it again, empty, on the same port. */
  restart(): Promise<void>
}

/** Starts Redis without persistence. It is gone when `t` ends. */
export async function startRedis(t: Scope, options: { args?: readonly string[] } = {}): Promise<RedisServer> {
  const port = await freePort()
  const folder = await temporaryFolder(t)
  const args = ['--bind', '127.0.0.1', '--port', String(port), '--dir', folder, '--save', '']
  const start = (): Promise<RunningProcess> =>
    startProcess(t, 'redis-server', {
      args: [...args, '--appendonly', 'no', ...(options.args ?? [])],
      ready: () => answersPing(port),
    })
  let server = await start()
  return {
    url: `redis://127.0.0.1:${port}/0`,
    port,
    get pid() {
      return server.pid
    },
    freeze: () => server.signal('SIGSTOP'),
    thaw: () => server.signal('SIGCONT'),
    kill: async () => void (await server.kill()),
    restart: async () => {
      await server.kill()
      server = await start()
    },
  }
}

/** A server that wants a password says NOAUTH: it is up, too. */
async function answersPing(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    socket.write('PING\r\n')
    const [answer] = await once(socket, 'data')
    return /^(?:\+PONG|-NOAUTH)/.test(String(answer))
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

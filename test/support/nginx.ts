// A real nginx for a test, from the body of its http block.
import { connect } from 'node:net'
import { once } from 'node:events'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort } from './port.ts'
import { startProcess } from './process.ts'
import { temporaryFolder, type Scope } from './scope.ts'

export interface NginxPlace {
  /** The port of 127.0.0.1 that the configuration is to listen on. */
  readonly port: number
  /** The folder nginx runs in; relative paths begin there. */
  readonly folder: string
}

export interface Nginx extends NginxPlace {
  readonly pid: number
  errorLog(): Promise<string>
  /** Reads the configuration's files again (HUP). */
  reload(): void
  stop(): Promise<void>
}

export interface NginxOptions {
  /** What stands inside `http { … }`, with a server that listens on `127.0.0.1:<port>`. */
  readonly config: (place: NginxPlace) => string
  /** Lines outside of the http block, such as `worker_processes 1;`. */
  readonly main?: string
  /** How many connections it may have, those to what is behind it included; nginx's 512. */
  readonly connections?: number
}

/** Starts nginx in a folder of its own and waits until its port is open. It is gone when `t` ends. */
export async function startNginx(t: Scope, options: NginxOptions): Promise<Nginx> {
  const folder = await temporaryFolder(t)
  const place = { port: await freePort(), folder }
  const file = join(folder, 'nginx.conf')
  await mkdir(join(folder, 'temp'))
  await writeFile(file, configuration(options, place))
  const server = await startProcess(t, 'nginx', {
    args: ['-p', folder, '-c', file, '-e', join(folder, 'error.log'), '-g', 'daemon off;'],
    ready: () => isOpen(place.port),
  })
  return {
    ...place,
    pid: server.pid,
    errorLog: () => readFile(join(folder, 'error.log'), 'utf8'),
    reload: () => process.kill(server.pid, 'SIGHUP'),
    stop: async () => void (await server.stop()),
  }
}

function configuration({ config, main = '', connections = 512 }: NginxOptions, place: NginxPlace): string {
  const kinds = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  const temporary = kinds.map((kind) => `  ${kind}_temp_path temp/${kind};`).join('\n')
  // Workers of a root nginx would drop to an account that may not read a temporary folder.
  const user = process.getuid?.() === 0 ? 'user root;' : ''
  return `${user}
${main}
pid nginx.pid;
events { worker_connections ${connections}; }
http {
  access_log access.log;
${temporary}
${config(place)}
}
`
}

async function isOpen(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

// The program behind bare-handler.ts: `node bare-server.ts options.json`.
import { createReadStream, readFileSync } from 'node:fs'
import { createServer as createPlainServer, type RequestListener, type ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import { pipeline } from 'node:stream'

export interface BareServerOptions {
  readonly port: number
  /** Paths; without them it speaks plain HTTP. */
  readonly certificate?: string
  readonly key?: string
  readonly manifest: {
    readonly path: string
    readonly type: string
    readonly digest: string
    readonly base64: string
  }
  readonly blobs: readonly {
    readonly path: string
    readonly digest: string
    readonly size: number
    readonly file: string
    readonly isInMemory: boolean
  }[]
}

const { port, certificate, key, manifest, blobs } = JSON.parse(
  readFileSync(process.argv[2] ?? '', 'utf8'),
) as BareServerOptions

/** As dockgate's; Node's own would end idle connections after five seconds. */
const keepAliveTimeout = 300_000
const answers = new Map<string, (res: ServerResponse) => void>()

const manifestBytes = Buffer.from(manifest.base64, 'base64')
const manifestHeaders = headersOf(manifest.type, manifestBytes.length, manifest.digest)
answers.set(manifest.path, (res) => {
  res.writeHead(200, manifestHeaders)
  res.end(manifestBytes)
})

answers.set('/v2/', (res) => {
  res.writeHead(200, ['Content-Type', 'application/json', 'Content-Length', '2'])
  res.end('{}')
})

for (const { path, digest, size, file, isInMemory } of blobs) {
  const headers = headersOf('application/octet-stream', size, digest)
  const bytes = isInMemory ? readFileSync(file) : undefined
  answers.set(path, (res) => {
    res.writeHead(200, headers)
    if (bytes) res.end(bytes)
    else pipeline(createReadStream(file), res, () => undefined)
  })
}

const handle: RequestListener = (req, res) => {
  const answer = answers.get(req.url ?? '')
  if (answer) answer(res)
  else res.writeHead(404).end()
}
const server =
  certificate === undefined || key === undefined
    ? createPlainServer({ keepAliveTimeout }, handle)
    : createServer({ keepAliveTimeout, cert: readFileSync(certificate), key: readFileSync(key) }, handle)
server.listen(port, '127.0.0.1', () => process.stderr.write('listening\n'))

function headersOf(type: string, length: number, digest: string): string[] {
  return ['Content-Type', type, 'Content-Length', String(length), 'Docker-Content-Digest', digest]
}

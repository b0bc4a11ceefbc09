// The program behind bare-handler.ts: `node bare-server.ts options.json`.
import { generateKeyPairSync, sign } from 'node:crypto'
import { createReadStream, readFileSync } from 'node:fs'
import {
  createServer as createPlainServer,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http'
import { createServer } from 'node:https'
import { pipeline } from 'node:stream'

export interface BareServerOptions {
  readonly port: number
  /** Paths; without them it speaks plain HTTP. */
  readonly certificate?: string
  readonly key?: string
  readonly manifests: readonly {
    readonly path: string
    readonly type: string
    readonly digest: string
    readonly base64: string
  }[]
  readonly blobs: readonly {
    readonly path: string
    readonly digest: string
    readonly size: number
    readonly file: string
    readonly isInMemory: boolean
  }[]
}

const { port, certificate, key, manifests, blobs } = JSON.parse(
  readFileSync(process.argv[2] ?? '', 'utf8'),
) as BareServerOptions

/** As dockgate's; Node's own would end idle connections after five seconds. */
const keepAliveTimeout = 300_000
const answers = new Map<string, (req: IncomingMessage, res: ServerResponse) => void>()

for (const { path, type, digest, base64 } of manifests) {
  const bytes = Buffer.from(base64, 'base64')
  const headers = headersOf(type, bytes.length, digest)
  answers.set(path, (_, res) => {
    res.writeHead(200, headers)
    res.end(bytes)
  })
}

answers.set('/v2/', (req, res) => {
  const length = ['Content-Type', 'application/json', 'Content-Length', '2']
  if (req.headers.authorization === undefined)
    res.writeHead(401, [...length, 'WWW-Authenticate', 'Basic realm="bare"'])
  else res.writeHead(200, length)
  res.end('{}')
})

/** A signature on P-256 with each answer, as a token service has to make. */
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const claims = JSON.stringify({
  iss: 'bare',
  sub: 'alice',
  access: [{ type: 'repository', name: 'team-a/app' }],
})
answers.set('/token', (_, res) => {
  const text = `${base64Url('{"alg":"ES256","typ":"JWT"}')}.${base64Url(claims)}`
  const signature = sign('sha256', Buffer.from(text), { key: privateKey, dsaEncoding: 'ieee-p1363' })
  const body = JSON.stringify({ token: `${text}.${signature.toString('base64url')}` })
  res.writeHead(200, ['Content-Type', 'application/json', 'Content-Length', String(body.length)])
  res.end(body)
})

for (const { path, digest, size, file, isInMemory } of blobs) {
  const headers = headersOf('application/octet-stream', size, digest)
  const bytes = isInMemory ? readFileSync(file) : undefined
  answers.set(path, (_, res) => {
    res.writeHead(200, headers)
    if (bytes) res.end(bytes)
    else pipeline(createReadStream(file), res, () => undefined)
  })
}

const handle: RequestListener = (req, res) => {
  const answer = answers.get((req.url ?? '').split('?', 1)[0] ?? '')
  if (answer) answer(req, res)
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

function base64Url(text: string): string {
  return Buffer.from(text).toString('base64url')
}

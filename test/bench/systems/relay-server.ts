// The program behind bare-relay.ts: `node relay-server.ts options.json`.
import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { createServer } from 'node:https'
import { pipeline } from 'node:stream'

export interface RelayServerOptions {
  readonly port: number
  readonly certificate: string
  readonly key: string
  /** Origin of what is behind; plain HTTP. */
  readonly core: string
}

const { port, certificate, key, core } = JSON.parse(
  readFileSync(process.argv[2] ?? '', 'utf8'),
) as RelayServerOptions
const agent = new Agent({ keepAlive: true })

createServer({ cert: readFileSync(certificate), key: readFileSync(key) }, (req, res) => {
  const { authorization: _, ...kept } = req.headers
  const headers = { ...kept, 'x-forwarded-proto': 'https' }
  const asked = request(`${core}${req.url ?? ''}`, { method: req.method, headers, agent }, (answer) => {
    if (res.destroyed) return void answer.destroy() // the client has gone
    res.writeHead(answer.statusCode ?? 502, answer.rawHeaders)
    pipeline(answer, res, () => undefined)
  })
  asked.on('error', () => res.destroy())
  pipeline(req, asked, () => undefined)
}).listen(port, '127.0.0.1', () => process.stderr.write('listening\n'))

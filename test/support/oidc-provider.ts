// A real OpenID provider of its own for a test: on loopback, its keys to be rotated, to be stopped and started at will.
import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import {
  calculateJwkThumbprint,
  exportJWK,
  generateKeyPair,
  SignJWT,
  type CryptoKey,
  type JWTPayload,
} from 'jose'
import Provider, { type JWKS } from 'oidc-provider'
import { atEnd, type Scope } from './scope.ts'

export interface OidcProvider {
  /** `http://127.0.0.1:<port>`: the `iss` of its ID tokens. */
  readonly issuer: string
  /** An ID token as the provider makes it, good for five minutes. The audience has to be one of its clients. */
  idToken(
    claims: JWTPayload,
    options?: { readonly audience?: string; readonly expiresAt?: number },
  ): Promise<string>
  /** Anything signed with the provider's key, and what else the header is to say. */
  sign(claims: JWTPayload, header?: Readonly<Record<string, unknown>>): Promise<string>
  /** From now on another key signs, and the former is gone. */
  rotate(): Promise<void>
  /** How often its keys were asked for. */
  keyRequests(): number
  /** Stops listening; connections break, later ones are refused. */
  stop(): Promise<void>
  /** Listens again on the same port. */
  start(): Promise<void>
}

interface Signing {
  readonly provider: Provider
  readonly key: CryptoKey
  readonly kid: string
}

/** Starts a provider with a client for each of the `audiences`. It is gone when `t` ends. */
export async function startOidcProvider(t: Scope, audiences: readonly string[]): Promise<OidcProvider> {
  let answer: RequestListener = (_req, res) => void res.writeHead(503).end()
  let keyRequests = 0
  const server = createServer((req: IncomingMessage, res) => {
    if (req.url === '/jwks') keyRequests += 1
    answer(req, res)
  })
  const port = await listen(server, 0)
  atEnd(t, () => close(server))
  const issuer = `http://127.0.0.1:${port}`
  const take = async (): Promise<Signing> => {
    const signing = await newProvider(issuer, audiences)
    const callback = signing.provider.callback()
    answer = (req, res) => void callback(req, res)
    return signing
  }
  let signing = await take()
  return {
    issuer,
    async idToken(claims, { audience = audiences[0] ?? '', expiresAt } = {}) {
      const { IdToken, Client } = signing.provider
      const client = await Client.find(audience)
      if (!client) throw new Error(`the provider has no client ${audience}`)
      const token = new IdToken({}, { client })
      for (const [name, value] of Object.entries(claims)) token.set(name, value)
      return token.issue({ use: 'idtoken', ...(expiresAt === undefined ? {} : { expiresAt }) })
    },
    sign: (claims, header = {}) =>
      new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: signing.kid, ...header }).sign(signing.key),
    rotate: async () => void (signing = await take()),
    keyRequests: () => keyRequests,
    stop: () => close(server),
    start: async () => void (await listen(server, port)),
  }
}

async function newProvider(issuer: string, audiences: readonly string[]): Promise<Signing> {
  const { privateKey: key } = await generateKeyPair('RS256', { extractable: true })
  const jwk = await exportJWK(key)
  const kid = await calculateJwkThumbprint(jwk)
  const provider = new Provider(issuer, {
    jwks: { keys: [{ ...jwk, kid, use: 'sig', alg: 'RS256' }] } as JWKS,
    cookies: { keys: ['only for this test'] },
    features: { devInteractions: { enabled: false } },
    clients: audiences.map((audience) => ({
      client_id: audience,
      client_secret: 'never asked for',
      redirect_uris: ['https://client.example.com/back'],
    })),
  })
  return { provider, key, kid }
}

async function listen(server: Server, port: number): Promise<number> {
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

async function close(server: Server): Promise<void> {
  if (!server.listening) return
  server.close()
  server.closeAllConnections()
  await once(server, 'close')
}

// The part of the file that says where to listen and what to believe about who is calling.
import { isIP } from 'node:net'
import { z } from 'zod'
import { hostName, network, onlyOff, path, repositoryPath, section } from './schema-parts.ts'

const ADDRESS = /^(?:\[(?<six>[0-9a-fA-F:.]+)\]|(?<host>[A-Za-z0-9.-]*)):(?<port>\d{1,5})$/

const address = z
  .string()
  .regex(ADDRESS, 'must be an address and a port such as ":443", "127.0.0.1:9090" or "[::1]:5000"')
  .transform(parseAddress)
  .refine(
    ({ host, port }) => port <= 65535 && (host === undefined || !host.includes(':') || isIP(host) === 6),
    'is not an address and port that exist',
  )

/** The parts of a text that matches the pattern. */
function parseAddress(value: string): { host: string | undefined; port: number } {
  const groups = ADDRESS.exec(value)?.groups
  return { host: (groups?.['six'] ?? groups?.['host']) || undefined, port: Number(groups?.['port']) }
}

const clientCas = z
  .array(path)
  .min(1, 'names no file')
  .describe('PEM files of the authorities whose certificates clients may log in with.')

const tls = z
  .union([z.literal('auto'), section({ certificate: path, key: path, clientCas: clientCas.optional() })], {
    error: ({ input }) =>
      input === 'acme' ? 'acme is not supported yet' : 'must be "auto" or a mapping with certificate and key',
  })
  .describe(
    '"auto" takes a certificate from the local CA in certs/; without tls the listener speaks plain HTTP.',
  )

const listener = section({
  address: address.describe('":443", "127.0.0.1:9090" or "[::1]:5000".'),
  tls: tls.optional(),
  redirectTo: z.literal('https').optional().describe('Sends every request to HTTPS.'),
  clientCas: clientCas.optional(),
  requireClientCertificate: z
    .boolean()
    .default(false)
    .describe('Whether clients without a certificate of clientCas are turned away.'),
  proxyProtocol: onlyOff(),
  console: onlyOff(),
})

export const listen = z
  .array(listener)
  .min(1)
  .prefault([{ address: ':5443', tls: 'auto' }])

export const admin = section({ address: address.prefault('127.0.0.1:9090') })
  .prefault({})
  .describe('Where health and metrics are served; not meant for the world.')

export const trustedProxies = z
  .array(network)
  .default([])
  .describe('Whose X-Forwarded-* headers are believed.')

export const hosts = z
  .record(
    hostName,
    section({
      defaultNamespace: repositoryPath
        .optional()
        .describe('Put before repository names that this host is asked for.'),
      upstreamLogins: z
        .boolean()
        .default(false)
        .describe(
          'Logins there are those of the registry that defaultNamespace names, whose upstream is per-user.',
        ),
      lenient: z
        .boolean()
        .default(false)
        .describe(
          'Clients send it the logins that they have elsewhere: unknown names are anonymous there, and pull.',
        ),
    }),
  )
  .default({})

// How an upstream is reached and logged in to: the keys that every upstream has besides its names.
import { z } from 'zod'
import { baseUrl, duration, origin, path, section, text } from './schema-parts.ts'

const httpProxy = z
  .string()
  .refine(isProxyUrl, 'must be a URL such as http://proxy.example.com:3128, environment, or off')

/** The first URL, and those that hold the same. */
export const upstreamUrls = z
  .union([baseUrl, z.array(baseUrl).min(1).max(8)], {
    error:
      'must be a URL such as https://registry.example.com, without user, query or fragment, or a list of them',
  })
  .transform((urls) => (typeof urls === 'string' ? ([urls] as const) : urls))
  .describe('Where it is; of several, the first that is well is asked.')

const reserve = z
  .string({ error: 'must be a share such as 10%' })
  .regex(/^(?:100|[1-9]?\d)%$/, 'must be a share such as 10%')
  .transform((share) => Number.parseInt(share, 10) / 100)

/** The gateway's own login: a name and a password, a token, or a helper that knows. */
export const upstreamLogin = {
  username: text.optional(),
  password: text.optional().describe('Better in passwordFile, or as _env:NAME.'),
  passwordFile: path.optional().describe('Read again when it changes.'),
  bearerToken: text.optional().describe('Sent as it stands; better in bearerTokenFile, or as _env:NAME.'),
  bearerTokenFile: path.optional().describe('Read again when it changes.'),
  exec: section({
    helper: z
      .string()
      .regex(
        /^(?:[A-Za-z0-9][A-Za-z0-9._-]{0,63}|\/[^\0]+)$/,
        'must be a name such as ecr-login (of docker-credential-ecr-login), or an absolute path',
      )
      .describe('docker-credential-NAME on the PATH, by its NAME; or the absolute path of such a program.'),
    server: text.optional().describe("What it is asked about; by default the upstream's first URL."),
    lifetime: duration.prefault('15m').describe('How long its answer is good.'),
  }).optional(),
}

export const upstreamConnection = {
  ca: path.optional().describe("PEM file of the authorities that sign the upstream's certificate."),
  clientCertificate: section({
    certificate: path.describe('PEM file, with those that lead to its authority.'),
    key: path,
  })
    .optional()
    .describe('What the upstream knows us by (mTLS); read again when it changes.'),
  proxy: z
    .union([z.literal(['environment', 'off']), httpProxy], {
      error: 'must be a URL such as http://proxy.example.com:3128, environment, or off',
    })
    .default('environment')
    .describe('The HTTP proxy on the way: by default what HTTPS_PROXY, HTTP_PROXY and NO_PROXY say.'),
  noProxy: z.array(text).default([]).describe('Hosts that are reached without the proxy.'),
  allowedRedirects: z
    .array(origin)
    .prefault([])
    .describe('Origins inside, such as an object store, that it may send us to.'),
  timeouts: section({
    connect: duration.prefault('5s').describe('Until a connection stands.'),
    firstByte: duration.prefault('15s').describe("From the request's end to the answer's headers."),
    idle: duration.prefault('30s').describe("Between two pieces of an answer's body."),
  }).prefault({}),
  reserve: reserve
    .prefault('10%')
    .describe('The part of its quota that is kept for what nobody has pulled yet.'),
}

/** Whether `url` is an http proxy's: a host and a port, perhaps with a login. */
export function isProxyUrl(url: string): boolean {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol)) return false
  return parsed.pathname === '/' && parsed.search === '' && parsed.hash === ''
}

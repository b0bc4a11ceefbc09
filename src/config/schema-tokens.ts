// The parts of the file that speak of Bearer tokens: ours, those of servers elsewhere, and those that a core takes.
import { z } from 'zod'
import { baseUrl, duration, path, section, text } from './schema-parts.ts'

const MINIMUM_TOKEN_TTL_MS = 60_000
const MAXIMUM_TOKEN_TTL_MS = 24 * 3600_000

export const token = section({
  service: text
    .optional()
    .describe('Named in challenges and tokens; by default the host of publicUrl, or dockgate.'),
  issuer: text.default('dockgate'),
  realm: baseUrl
    .optional()
    .describe('The token server that clients are sent to, in place of /token here; see externalTokens.'),
  // Clients ask for a new token at every step of a pull when the life is shorter (Docker token specification: expires_in).
  ttl: duration
    .refine((ms) => ms >= MINIMUM_TOKEN_TTL_MS, 'must be at least 60s')
    .refine((ms) => ms <= MAXIMUM_TOKEN_TTL_MS, 'must be at most 24h')
    .prefault('5m'),
  key: path.default('certs/token.key').describe('The signing key; made when it does not exist.'),
  previousKeys: z
    .array(path)
    .default([])
    .describe('Keys that do not sign, but whose tokens are good: those of before, and of other nodes.'),
  certificate: path
    .optional()
    .describe('The certificate of key, which tokens then carry as x5c; made when it does not exist.'),
  refreshTtl: z
    .union([duration, z.literal('off')], { error: 'must be a duration such as 30d, or off' })
    .prefault('30d')
    .describe('Life of the refresh tokens that clients keep in place of a password.'),
  maxRefreshTokens: z
    .int()
    .min(1)
    .max(10_000)
    .default(100)
    .describe('For each account; docker asks for one at each login, and the oldest one goes.'),
})

export const externalTokens = z
  .array(
    section({
      source: z
        .string()
        .regex(/^[a-z][a-z0-9-]{0,31}$/, 'must be a word of lower-case letters, digits and -')
        .describe('Its name bob is source:bob in grants, and everybody of it is in the group @source:any.'),
      issuer: text.describe('The iss of its tokens.'),
      service: text.describe('The aud of its tokens: what it calls this registry.'),
      certificates: path
        .optional()
        .describe('PEM file of the certificates that sign, or of their issuers (rootcertbundle).'),
      jwks: text.optional().describe('Its keys: an https URL, or a file.'),
      ca: path.optional().describe("PEM file of the authorities that sign the URL's certificate."),
      algorithms: z
        .array(z.enum(['ES256', 'RS256', 'EdDSA']))
        .min(1)
        .default(['ES256', 'RS256', 'EdDSA']),
    }),
  )
  .default([])
  .describe('Token servers elsewhere whose tokens are accepted.')

export const coreToken = section({
  service: text.describe("The core's auth.token.service."),
  issuer: text.optional().describe("The core's auth.token.issuer; by default auth.token.issuer here."),
}).describe('The core verifies Bearer tokens with our certificate: it is sent a token for each request.')

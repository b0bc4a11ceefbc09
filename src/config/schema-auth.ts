// The part of the file that says who may log in and who may do what.
import { z } from 'zod'
import { duration, name, notYet, path, section, text } from './schema-parts.ts'

const MINIMUM_TOKEN_TTL_MS = 60_000
const MAXIMUM_TOKEN_TTL_MS = 24 * 3600_000

const token = section({
  service: text
    .optional()
    .describe('Named in challenges and tokens; by default the host of publicUrl, or dockgate.'),
  issuer: text.default('dockgate'),
  // Clients ask for a new token at every step of a pull when the life is shorter (Docker token specification: expires_in).
  ttl: duration
    .refine((ms) => ms >= MINIMUM_TOKEN_TTL_MS, 'must be at least 60s')
    .refine((ms) => ms <= MAXIMUM_TOKEN_TTL_MS, 'must be at most 24h')
    .prefault('5m'),
  key: path.default('certs/token.key').describe('The signing key; made when it does not exist.'),
})

/** An account's own name: what comes before the colon in the password file, or `source:name`. */
const accountName = z
  .string()
  .min(1)
  .max(255)
  .regex(/^[^$@]/, 'must be the name of an account: it may not begin with $ or @')

export const auth = section({
  htpasswd: section({
    file: path.describe('Accounts and password hashes, as written by htpasswd -B.'),
  }).optional(),
  token: z
    .union([z.literal('off'), token], { error: 'must be "off" or a mapping' })
    .prefault({})
    .describe('The Bearer token service at /token; "off" challenges with Basic.'),
  groups: z.record(name, z.array(accountName)).default({}).describe('Written @name in access.'),
}).prefault({})

const principals = z
  .array(text)
  .default([])
  .describe('$anonymous (everyone), $authenticated (any account), "@group", or the name of an account.')

const grant = section({
  repositories: z.array(text).default([]).describe('Names; * within one path component, ** across, ${user}.'),
  pull: principals,
  push: principals,
  delete: principals,
  catalog: principals,
  admin: principals,
  from: notYet(),
})

/** Without any grant, nothing is allowed. */
export const access = z.array(grant).default([])

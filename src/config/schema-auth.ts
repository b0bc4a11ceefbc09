// The part of the file that says who may log in and who may do what.
import { z } from 'zod'
import { accounts } from './schema-accounts.ts'
import { clientCertificates, ldap, oidc } from './schema-identities.ts'
import { name, network, section, text } from './schema-parts.ts'
import { htpasswd, throttle } from './schema-passwords.ts'
import { externalTokens, token } from './schema-tokens.ts'

/** An account's own name: what comes before the colon in the password file, or `source:name`. */
const accountName = z
  .string()
  .min(1)
  .max(255)
  .regex(/^[^$@]/, 'must be the name of an account: it may not begin with $ or @')

export const auth = section({
  htpasswd,
  throttle,
  token: z
    .union([z.literal('off'), token], { error: 'must be "off" or a mapping' })
    .prefault({})
    .describe('The Bearer token service at /token; "off" challenges with Basic.'),
  accounts,
  oidc,
  ldap,
  clientCertificates,
  externalTokens,
  groups: z.record(name, z.array(accountName)).default({}).describe('Written @name in access.'),
}).prefault({})

const principals = z
  .array(text)
  .default([])
  .describe(
    '$anonymous (everyone), $authenticated (any account), "@group", "@source:group", or the name of an account.',
  )

const grant = section({
  repositories: z.array(text).default([]).describe('Names; * within one path component, ** across, ${user}.'),
  pull: principals,
  push: principals,
  delete: principals,
  catalog: principals,
  admin: principals,
  from: z
    .array(network)
    .min(1, 'names no address: nobody comes from there')
    .optional()
    .describe('Addresses and ranges that callers have to come from; by default anywhere.'),
})

/** Without any grant, nothing is allowed. */
export const access = z.array(grant).default([])

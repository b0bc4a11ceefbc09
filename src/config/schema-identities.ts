// The part of the file that says who is known from elsewhere: ID tokens, a directory, client certificates.
import { z } from 'zod'
import { duration, path, section, text } from './schema-parts.ts'
import { isTrustworthyUrl } from './trustworthy-url.ts'

/** One text or several. */
const texts = z
  .union([text, z.array(text).min(1)], { error: 'must be a text or a list of texts' })
  .transform((value) => (typeof value === 'string' ? [value] : value))

const MUST_BE_HTTPS = 'must be an https URL (http is for this machine alone), without user or fragment'
const keysUrl = z.string().refine(isTrustworthyUrl, MUST_BE_HTTPS)
/** Compared with the `iss` claim as it is written, so nothing of it is changed here. */
const issuerUrl = keysUrl.refine((url) => !url.includes('?'), 'must be without a query')

export const oidc = z
  .array(
    section({
      issuer: issuerUrl.describe('The iss claim, exactly as it is in the tokens.'),
      audience: texts.describe('The aud claim that tokens are asked for with; one of several.'),
      name: text
        .optional()
        .describe(
          "What comes after oidc: in the account's name: a claim, or a text with ${claim} in it; by default sub.",
        ),
      when: z
        .record(text, texts)
        .default({})
        .describe('Patterns by claim: * stands for any text without a slash, ** for any text.'),
      groups: z
        .array(text)
        .default([])
        .describe('Groups of everybody who comes by this rule: @oidc:NAME in access.'),
      groupsClaim: text.optional().describe('A claim that lists further groups.'),
      jwksUrl: keysUrl.optional().describe('Where the keys are; by default where the issuer says.'),
      jwksFile: path.optional().describe('A file of the keys, in place of asking for them.'),
      ca: path.optional().describe("PEM file of the authorities that sign the issuer's certificate."),
    }),
  )
  .default([])
  .describe('ID tokens as passwords: the first rule that holds decides.')

const ldapUrl = z
  .string()
  .refine(
    (url) => /^ldaps?:\/\/[^/?#@]+\/?$/.test(url) && URL.canParse(url),
    'must be ldap://host[:port] or ldaps://host[:port]',
  )

const filter = text.refine((value) => isBalanced(value), 'must be a filter such as (uid=${user})')

function isBalanced(value: string): boolean {
  const [opened, closed] = [value.split('(').length, value.split(')').length]
  return value.startsWith('(') && value.endsWith(')') && opened === closed
}

export const ldap = section({
  url: ldapUrl,
  startTls: z
    .boolean()
    .optional()
    .describe('On ldap://, encrypt before anything is said; only insecure leaves it out.'),
  insecure: z.boolean().default(false).describe('Passwords may travel in the clear on ldap://.'),
  ca: path.optional().describe("PEM file of the authorities that sign the server's certificate."),
  bindDn: text.optional().describe('Who searches; by default nobody in particular.'),
  bindPassword: text.optional().describe('Better in bindPasswordFile, or as _env:NAME.'),
  bindPasswordFile: path.optional(),
  base: text.describe('Below which accounts are searched for.'),
  filter: filter
    .refine((value) => value.includes('${user}'), 'must hold ${user}, the name that somebody logs in with')
    .default('(uid=${user})')
    .describe('Finds the one entry of ${user}.'),
  userAttribute: text.default('uid').describe("What comes after ldap: in the account's name."),
  groups: z
    .union(
      [
        z.literal('memberOf'),
        section({
          base: text,
          filter: filter.default('(member=${dn})'),
          attribute: text.default('cn').describe('The name of a group: @ldap:NAME in access.'),
        }),
      ],
      { error: 'must be memberOf, or a mapping with base, filter and attribute' },
    )
    .optional()
    .describe('Where the groups of an account are; by default it has none.'),
  cacheTtl: duration
    .refine((ms) => ms <= 15 * 60_000, 'must be at most 15m')
    .prefault('1m')
    .describe('How long a good login is not asked for again.'),
  poolSize: z.int().min(1).max(64).default(4).describe('Connections at one time.'),
  timeout: duration
    .refine((ms) => ms >= 100 && ms <= 60_000, 'must be between 100ms and 60s')
    .prefault('5s')
    .describe('How long connecting, and each answer, may take.'),
})
  .optional()
  .describe('Accounts of a directory.')

/** Of the other ways to get a name. */
const TAKEN = ['ldap:', 'oidc:', 'robot:']

export const clientCertificates = section({
  user: z
    .enum(['cn', 'san-email', 'san-uri', 'san-dns'])
    .default('cn')
    .describe('The part of a certificate that names the account.'),
  prefix: z
    .string()
    .regex(/^(?:[a-z][a-z0-9-]{0,30}:)?$/, 'must be a word and a colon, as cert:, or empty')
    .refine((prefix) => !TAKEN.includes(prefix), 'is the prefix of other accounts')
    .default('cert:')
    .describe('Put before the name; empty, the names are those of the password file.'),
})
  .optional()
  .describe('What the certificates mean that clients show; for listeners with clientCas.')

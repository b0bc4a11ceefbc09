// The part of the file that says where passwords are kept, and how failed logins are slowed down.
import { z } from 'zod'
import { duration, hostName, path, section, text } from './schema-parts.ts'

const file = path.describe('Accounts and password hashes, as written by dockgate user, or htpasswd -B.')
const upgrade = z
  .boolean()
  .default(false)
  .describe('Whether a login replaces a weak hash in the file by bcrypt with cost 12.')
const realm = z
  .string()
  .regex(
    /^[A-Za-z0-9](?:[A-Za-z0-9 ._-]{0,62}[A-Za-z0-9])?$/,
    'must be 1 to 64 letters, digits, spaces, . _ or -',
  )
  .describe('What Basic challenges call it; tokens are tied to it.')

const limitedFile = section({
  file,
  upgrade,
  realm: realm.optional(),
  hosts: z
    .array(hostName)
    .min(1)
    .optional()
    .describe('Where its accounts exist, by Host header; by default on all.'),
  repositories: z
    .array(text)
    .min(1)
    .optional()
    .describe('Patterns of repositories that its accounts exist for; by default all.'),
})

export const htpasswd = z
  .union([section({ file, upgrade }), z.array(limitedFile).min(1)], {
    error: 'must be a mapping with file, or a list of such mappings',
  })
  .optional()

/** A day: whoever waits longer than that asks somebody for help first. */
const MAX_DELAY_MS = 24 * 3600_000

export const throttle = z
  .union(
    [
      z.literal('off'),
      section({
        failures: z
          .int({ error: 'must be a whole number' })
          .min(1, 'must be at least 1')
          .max(1000, 'must be at most 1000')
          .default(5)
          .describe('So many failed logins to one account from one network cost no delay.'),
        delay: duration
          .refine((ms) => ms > 0 && ms <= MAX_DELAY_MS, 'must be more than nothing, and at most 1d')
          .prefault('1s')
          .describe('How long the next attempt has to wait; doubled by each further failure.'),
        maxDelay: duration
          .refine((ms) => ms > 0 && ms <= MAX_DELAY_MS, 'must be more than nothing, and at most 1d')
          .prefault('5m'),
      }),
    ],
    { error: 'must be "off" or a mapping' },
  )
  .prefault({})
  .describe('How failed logins are slowed down; "off" lets everybody guess as fast as hashes are computed.')

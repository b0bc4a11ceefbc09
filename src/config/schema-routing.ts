// The part of the file that says which repositories come from where: upstreams, routes, stores.
import { z } from 'zod'
import { asOf, freshness } from './schema-freshness.ts'
import {
  cronPattern,
  duration,
  name,
  notYet,
  path,
  repositoryPath,
  section,
  size,
  text,
} from './schema-parts.ts'
import { coreToken } from './schema-tokens.ts'
import { upstreamConnection, upstreamLogin, upstreamUrls } from './schema-upstreams.ts'

const upstream = section({
  url: upstreamUrls,
  namespace: repositoryPath.optional().describe('What clients call it, such as docker.io.'),
  ...upstreamLogin,
  ...upstreamConnection,
  allowedRealms: z
    .array(z.string().regex(/^[a-z0-9.-]+(?::\d{1,5})?$/, 'must be a host such as auth.example.com'))
    .default([])
    .describe('Token services, besides those in its own domain, that may be sent the credentials.'),
  token: coreToken.optional(),
  ...freshness,
  visibility: z
    .enum(['public', 'shared', 'per-user'])
    .optional()
    .describe('Of mirrors: who is shown what is mirrored, besides the grants. Default public.'),
})

export const upstreams = z.record(name, upstream).default({})

const route = section({
  mirror: text.optional().describe('The upstream that is fetched from once; needs a store.'),
  proxy: text.optional().describe('The upstream that requests pass through to.'),
  store: text.optional().describe('Where the bytes are kept.'),
  overlay: text.optional().describe('Of mirrors: the store that takes pushes; what is there wins.'),
  ...freshness,
  asOf: asOf.optional().describe('Tags are served as they stood then, a day from its beginning in UTC.'),
  rewrite: z
    .union([z.literal(''), repositoryPath], { error: 'must be empty or the front part of a repository name' })
    .optional()
    .describe("Takes the place of the pattern's literal prefix on the way upstream."),
})

export const repositories = z
  .record(text, route)
  .refine((routes) => Object.keys(routes).length > 0, 'must have at least one repository pattern')
  .describe('Patterns of repository names; the longest literal prefix wins.')

const uploads = section({
  purgeAfter: z
    .union([duration, z.literal('off')], { error: 'must be a duration such as 7d, or off' })
    .prefault('7d')
    .describe('Upload sessions that nobody went on with for so long are removed.'),
})

const gc = section({
  schedule: cronPattern
    .optional()
    .describe('When the store is collected, as a cron pattern in local time; by default when asked to.'),
  grace: duration
    .prefault('1h')
    .describe('What was pushed, or asked for, so lately is not collected; longer than the slowest push.'),
  untagged: z
    .boolean()
    .default(false)
    .describe('By schedule, also remove manifests that no tag, no index and no subject keeps.'),
})

const keep = section({
  newest: z
    .int()
    .min(1)
    .max(1_000_000)
    .optional()
    .describe('So many in each repository, the latest pushed first.'),
  pushedWithin: duration.optional(),
  pulledWithin: duration
    .optional()
    .describe('Pulled or pushed within; pulls are recorded from the first start on.'),
}).refine((rule) => Object.keys(rule).length > 0, 'must say newest, pushedWithin or pulledWithin')

const tagRule = section({
  repositories: z.array(text).min(1).default(['**']).describe('Patterns of repository names.'),
  tags: z
    .array(z.string().regex(/^[A-Za-z0-9_*?.-]{1,128}$/, 'must be a tag in which * stands for any text'))
    .min(1)
    .default(['*'])
    .describe('Patterns of tags.'),
  immutable: z.boolean().default(false).describe('Can neither be pushed with other content nor be removed.'),
  protected: z.boolean().default(false).describe('Can not be removed.'),
  keep: keep.optional().describe('Retention removes these tags, except those that some keep rule keeps.'),
}).refine(
  (rule) => rule.immutable || rule.protected || rule.keep !== undefined,
  'must say immutable, protected or keep',
)

const MIN_STORE_BYTES = 1024 * 1024

const store = section({
  filesystem: section({ root: path }),
  fsync: z
    .boolean()
    .default(true)
    .describe('Wait for the disk before a push is answered; without, a power cut may take back what was.'),
  shared: z
    .boolean()
    .default(false)
    .describe(
      'Another registry writes to the same folder: nothing is remembered of tags, nothing is collected.',
    ),
  uploads: uploads.prefault({}),
  gc: gc.prefault({}).describe('Garbage collection: frees what no manifest needs, while the store serves.'),
  delete: z.boolean().default(true).describe('Whether manifests and blobs can be deleted.'),
  readOnly: z.boolean().default(false).describe('Every write is refused.'),
  verifyReads: z.boolean().default(false).describe('Whole blobs are hashed while they are sent.'),
  tags: z
    .array(tagRule)
    .default([])
    .describe('Rules about tags; they add up, and their order never matters.'),
  maxSize: size
    .refine((bytes) => bytes >= MIN_STORE_BYTES, 'must be at least 1MiB')
    .optional()
    .describe('Of a store of mirrors: what it may hold; beyond, what was pulled the longest ago goes.'),
  unusedAfter: duration.optional().describe('Of a store of mirrors: what nobody pulled for so long goes.'),
  pins: z
    .array(text)
    .default([])
    .describe('Of a store of mirrors: images that never go, such as docker.io/library/alpine:3.*'),
  s3: notYet(),
  oss: notYet(),
  swift: notYet(),
  azure: notYet(),
  gcs: notYet(),
})

export const stores = z.record(name, store).default({})

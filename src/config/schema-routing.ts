// The part of the file that says which repositories come from where: upstreams, routes, stores.
import { z } from 'zod'
import { baseUrl, duration, name, notYet, path, repositoryPath, section, text } from './schema-parts.ts'

const upstream = section({
  url: baseUrl,
  namespace: repositoryPath.optional().describe('What clients call it, such as docker.io.'),
  username: text.optional(),
  password: text.optional().describe('Better in passwordFile, or as _env:NAME.'),
  passwordFile: path.optional(),
  ca: path.optional().describe("PEM file of the authorities that sign the upstream's certificate."),
  allowedRealms: z
    .array(z.string().regex(/^[a-z0-9.-]+(?::\d{1,5})?$/, 'must be a host such as auth.example.com'))
    .default([])
    .describe('Token services, besides those in its own domain, that may be sent the credentials.'),
})

export const upstreams = z.record(name, upstream).default({})

const tagTtl = z
  .union([duration, z.record(text, duration)], {
    error: 'must be a duration such as 2d, or a mapping of tags to durations',
  })
  .describe('How long a tag is served without asking upstream.')

const route = section({
  mirror: text.optional().describe('The upstream that is fetched from once; needs a store.'),
  proxy: text.optional().describe('The upstream that requests pass through to.'),
  store: text.optional().describe('Where the bytes are kept.'),
  tagTtl: tagTtl.optional(),
  rewrite: z
    .union([z.literal(''), repositoryPath], { error: 'must be empty or the front part of a repository name' })
    .optional()
    .describe("Takes the place of the pattern's literal prefix on the way upstream."),
})

export const repositories = z
  .record(text, route)
  .refine((routes) => Object.keys(routes).length > 0, 'must have at least one repository pattern')
  .describe('Patterns of repository names; the longest literal prefix wins.')

const store = section({
  filesystem: section({ root: path }),
  delete: z.boolean().default(true).describe('Whether manifests and blobs can be deleted.'),
  maxSize: notYet(),
  s3: notYet(),
  oss: notYet(),
  swift: notYet(),
  azure: notYet(),
  gcs: notYet(),
})

export const stores = z.record(name, store).default({})

// The keys that say how old an answer of a mirror may be; an upstream has them for all its routes, a route for itself.
import { z } from 'zod'
import { parseDigest } from '../oci/digest.ts'
import { refuseRepositoryPattern, splitImagePattern } from './patterns.ts'
import { duration, text } from './schema-parts.ts'

const tagTtl = z
  .union([duration, z.record(text, duration)], {
    error: 'must be a duration such as 2d, or a mapping of tags to durations',
  })
  .describe('How long a tag is served without asking upstream.')

const extraTime = z.union([z.boolean(), duration], { error: 'must be true, false or a duration such as 7d' })

const exemption = z
  .string()
  .refine(
    isExemption,
    'must be a digest, or a pattern of images such as docker.io/library/nginx:1.* or docker.io/acme/**',
  )

export const freshness = {
  tagTtl: tagTtl.optional(),
  negativeTtl: duration
    .optional()
    .describe('How long the upstream is not asked again for what it does not have.'),
  staleWhileRevalidate: extraTime
    .optional()
    .describe('How long after its tagTtl a tag is served while the upstream is asked; or true, or false.'),
  staleIfError: extraTime
    .optional()
    .describe(
      'How long after its tagTtl a tag is served when the upstream can not be asked; or true, or false.',
    ),
  hold: duration
    .optional()
    .describe('How long a tag must have had a new meaning upstream before that is served.'),
  holdFirst: z
    .boolean()
    .optional()
    .describe('Hold the first digest that is seen of a tag, too: until then the tag is refused.'),
  holdExcept: z.array(exemption).optional().describe('Digests and patterns of images that are never held.'),
}

/** A day begins at midnight UTC. */
export const asOf = z
  .union([z.iso.date(), z.iso.datetime({ offset: true })], {
    error: 'must be a day such as 2026-10-01, or a time such as 2026-10-01T12:00:00Z',
  })
  .transform((date) => Date.parse(date))

function isExemption(pattern: string): boolean {
  if (parseDigest(pattern) !== undefined) return true
  const { repository, tag } = splitImagePattern(pattern)
  const isTag = tag === undefined || /^[A-Za-z0-9_*][A-Za-z0-9._*-]{0,127}$/.test(tag)
  return isTag && refuseRepositoryPattern(repository, { user: false }) === undefined
}

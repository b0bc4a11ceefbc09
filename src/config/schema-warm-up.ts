// The part of the file that says which images are pulled ahead of everybody.
import { z } from 'zod'
import { parseImageName } from '../oci/image-name.ts'
import { parsePlatform } from '../oci/platform.ts'
import { cronPattern, section } from './schema-parts.ts'

const image = z
  .string()
  .refine(
    (text) => parseImageName(text) !== undefined,
    'must be an image such as docker.io/library/alpine:3.20',
  )

const platform = z
  .string()
  .refine((text) => parsePlatform(text) !== undefined, 'must be a platform such as linux/amd64')

export const warmUp = z
  .array(
    section({
      schedule: cronPattern.describe('When, as a cron pattern in local time.'),
      images: z
        .array(image)
        .min(1)
        .max(1000)
        .describe('By the names that clients use, with tags or digests.'),
      platforms: z.array(platform).default([]).describe('Of an index, these images alone; by default all.'),
    }),
  )
  .default([])

// The part of the file that says what is kept of who did what.
import { z } from 'zod'
import { path, section, size } from './schema-parts.ts'

const MINIMUM_FILE_BYTES = 1024 * 1024
const MOST_FILES = 1000

export const audit = section({
  file: path.describe('One JSON line for each decision; or stdout.'),
  maxSize: size
    .refine((bytes) => bytes >= MINIMUM_FILE_BYTES, 'must be at least 1MiB')
    .prefault('100MiB')
    .describe('A file that would grow beyond it is renamed, and a new one begun.'),
  keep: z
    .int()
    .min(0, 'must be 0 or more')
    .max(MOST_FILES)
    .default(10)
    .describe('So many renamed files are kept.'),
  pulls: z.boolean().default(true).describe('Whether pulls that are allowed are told.'),
}).optional()

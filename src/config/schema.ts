// The shape of the configuration file: the names that users write.
import { z } from 'zod'
import { access, auth } from './schema-auth.ts'
import { admin, hosts, listen, trustedProxies } from './schema-listen.ts'
import { audit } from './schema-audit.ts'
import { duration, origin, section, size } from './schema-parts.ts'
import { repositories, stores, upstreams } from './schema-routing.ts'
import { warmUp } from './schema-warm-up.ts'

const redisUrl = z
  .string()
  .refine(
    (url) => /^rediss?:\/\//.test(url) && URL.canParse(url),
    'must be a URL such as redis://127.0.0.1:6379/0',
  )

const cache = section({
  memory: size.prefault('64MiB').describe('Per machine.'),
  redis: section({
    url: redisUrl,
    prefix: z
      .string()
      .regex(/^[A-Za-z0-9_.:-]{1,64}$/, 'must have 1 to 64 letters, digits or the characters . _ : -')
      .default('dockgate')
      .describe('Put before every key, so that installations can share a database.'),
  })
    .optional()
    .describe('A second level, shared between machines.'),
}).prefault({})

const limits = section({
  idleTimeout: duration.prefault('5m').describe('A connection that moves no byte for so long is closed.'),
}).prefault({})

const logging = section({
  format: z.enum(['auto', 'json', 'pretty']).default('auto'),
  level: z.enum(['error', 'warn', 'info', 'debug']).default('info'),
}).prefault({})

const MOST_WORKERS = 64
const WORKERS_ERROR = `must be auto, or a number from 1 to ${MOST_WORKERS}`

/** The whole file. What it leaves out has a default, except `repositories`. */
export const fileSchema = section({
  listen,
  admin,
  workers: z
    .union([z.literal('auto'), z.int().min(1, WORKERS_ERROR).max(MOST_WORKERS, WORKERS_ERROR)], WORKERS_ERROR)
    .default('auto')
    .describe('Processes that serve clients; auto: one for each core, 1: one process for everything.'),
  publicUrl: origin.optional().describe('What clients are told; by default what their requests say.'),
  trustedProxies,
  hosts,
  auth,
  access,
  hideRepositories: z
    .boolean()
    .default(false)
    .describe('Answer 404 for repositories that the caller may not pull from, as if they were not there.'),
  upstreams,
  repositories,
  stores,
  warmUp,
  cache,
  limits,
  logging,
  audit,
  shutdownGrace: duration.prefault('30s').describe('How long running transfers may take after SIGTERM.'),
})

/** A file that has the right shape. */
export type ConfigFile = z.output<typeof fileSchema>

/** The schema as JSON Schema (draft 2020-12), for editors. */
export function toJsonSchema(): object {
  return z.toJSONSchema(fileSchema, {
    io: 'input',
    override: ({ jsonSchema }) => {
      // An editor must not underline `_env:NAME` where a duration or a word of a list is due.
      if (jsonSchema.pattern?.startsWith('^_env:') === false)
        jsonSchema.pattern = `^_env:|${jsonSchema.pattern}`
    },
  })
}

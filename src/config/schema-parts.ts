// The pieces that the configuration's schema is built from, each with the words it refuses a value with.
import { isIP } from 'node:net'
import { Cron } from 'croner'
import { z } from 'zod'
import { parseRepositoryName } from '../oci/repository-name.ts'
import { DURATION, parseDurationMs, parseSizeBytes, SIZE } from './quantities.ts'
import { suggestion } from './suggest.ts'

/** A mapping that takes the keys of `shape` and no others; each unknown key is one line of the message. */
export function section<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  const known = Object.keys(shape)
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? issue.keys.map((key) => `unknown key${suggestion(key, known)}`).join('\n')
        : undefined,
  })
}

/** Text that says something. */
export const text = z.string().min(1)

/** A path, from the working directory when it is relative. */
export const path = z.string().regex(/^[^\0]+$/, 'must be a path')

/** The name that one part of the file gives to something and another refers to. */
export const name = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9_-]{0,63}$/, 'a name is a letter, then letters, digits, - and _')

export const duration = z
  .string({ error: 'must be a duration such as 500ms, 30s, 10m, 12h or 2d' })
  .regex(DURATION, 'must be a duration such as 500ms, 30s, 10m, 12h or 2d')
  .transform(parseDurationMs)

export const size = z
  .string({ error: 'must be a size such as 512KiB, 64MiB or 200GiB' })
  .regex(SIZE, 'must be a size such as 512KiB, 64MiB or 200GiB')
  .transform(parseSizeBytes)

export const cronPattern = z
  .string()
  .refine(isCronPattern, 'must be a cron pattern such as "0 3 * * *" (minute, hour, day, month, weekday)')

function isCronPattern(text: string): boolean {
  try {
    return new Cron(text, { paused: true }).nextRun() !== null
  } catch {
    return false
  }
}

/** A setting that the design names and this version does not have: refused instead of ignored. */
export function notYet() {
  return z.never({ error: 'not supported yet' }).optional()
}

/** A switch that this version has no "on" for. */
export function onlyOff() {
  return z.literal(false, { error: 'not supported yet; leave it out' }).optional()
}

/** An address, or an address and a prefix length that fits its family. */
export const network = z.string().refine(isNetwork, 'must be an IP address or a range such as 10.0.0.0/8')

function isNetwork(value: string): boolean {
  const [ip = '', bits, ...rest] = value.split('/')
  const family = isIP(ip)
  if (family === 0 || ip.includes('%') || rest.length > 0) return false
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128))
}

/** A repository's name or the front part of one. */
export const repositoryPath = z
  .string()
  .refine(
    (value) => parseRepositoryName(value) !== undefined,
    'must be like a repository name, such as docker.io or team/app',
  )

/** A host as it is compared with `Host` headers. */
export const hostName = z
  .string()
  .regex(
    /^(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])$/,
    'must be a host name in lower case, without port',
  )

/** `https://host[:port]`, as browsers write it. */
export const origin = z
  .string()
  .refine(
    (url) => isBaseUrl(url) && new URL(url).pathname === '/',
    'must be an origin such as https://registry.example.com, without a path',
  )
  .transform((url) => new URL(url).origin)

/** An http(s) URL without credentials, query or fragment; a slash at the end does not count. */
export const baseUrl = z
  .string()
  .refine(isBaseUrl, 'must be a URL such as https://registry.example.com, without user, query or fragment')
  .transform((url) => new URL(url).href.replace(/\/+$/, ''))

function isBaseUrl(url: string): boolean {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol)) return false
  return parsed.username === '' && parsed.password === '' && !/[?#]/.test(url)
}

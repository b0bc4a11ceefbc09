// The credentials of the Basic scheme, read strictly (RFC 7617).
import { isJwtText } from './jwt-text.ts'
import { isRobotName, isTokenText } from './accounts/token-text.ts'

export interface BasicCredentials {
  readonly name: string
  readonly password: string
}

/**
 * Longer passwords are nobody's: bcrypt reads 72 bytes of them, htpasswd takes 255. The time that an apr1 hash takes grows
 * with the password, so a guess must not choose it.
 */
export const MAX_PASSWORD_BYTES = 512
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** What an `Authorization: Basic` header says; undefined for another scheme, and for anything malformed, empty or too long. */
export function parseBasicCredentials(authorization: string): BasicCredentials | undefined {
  const token = /^basic +([A-Za-z0-9+/]+={0,2})$/i.exec(authorization)?.[1]
  const text = token === undefined ? undefined : decode(token)
  // RFC 7617 §2: no control characters; a NUL would end a password early for C code.
  if (text === undefined || /\p{Cc}/u.test(text)) return undefined
  // The name ends at the first colon; a password may hold more of them.
  const colon = text.indexOf(':')
  const [name, password] = [text.slice(0, colon), text.slice(colon + 1)]
  if (colon <= 0 || password === '') return undefined
  // ID tokens are longer; who computes hashes looks at the length again.
  if (Buffer.byteLength(password) > MAX_PASSWORD_BYTES && !isJwtText(password)) return undefined
  return robotOf(text) ?? { name, password }
}

/**
 * The header that says so; undefined when no header can: a colon in the name would move into the password, but for that of
 * a robot with its token.
 */
export function formatBasicCredentials({ name, password }: BasicCredentials): string | undefined {
  // Without a name it would say that there is no login at all.
  if (name === '') return undefined
  const text = `${name}:${password}`
  return name.includes(':') && !robotOf(text) ? undefined : `Basic ${Buffer.from(text).toString('base64')}`
}

/** `robot:ci` is a name with a colon; the token behind it tells it from a password that begins with `ci:`. */
function robotOf(text: string): BasicCredentials | undefined {
  const colon = text.lastIndexOf(':')
  const [name, password] = [text.slice(0, colon), text.slice(colon + 1)]
  return isRobotName(name) && isTokenText(password) ? { name, password } : undefined
}

function decode(token: string): string | undefined {
  try {
    return UTF8.decode(Buffer.from(token, 'base64'))
  } catch {
    return undefined
  }
}

// The credentials of the Basic scheme, read strictly (RFC 7617).

export interface BasicCredentials {
  readonly name: string
  readonly password: string
}

/**
 * Longer passwords are nobody's: bcrypt reads 72 bytes of them, htpasswd takes 255. The time that an apr1 hash takes grows
 * with the password, so a guess must not choose it.
 */
const MAX_PASSWORD_BYTES = 512
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
  if (colon <= 0 || password === '' || Buffer.byteLength(password) > MAX_PASSWORD_BYTES) return undefined
  return { name, password }
}

/** The header that says so; undefined when no header can: a colon in the name would move into the password. */
export function formatBasicCredentials({ name, password }: BasicCredentials): string | undefined {
  return name.includes(':') ? undefined : `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`
}

function decode(token: string): string | undefined {
  try {
    return UTF8.decode(Buffer.from(token, 'base64'))
  } catch {
    return undefined
  }
}

// The path of a request as logs may tell it.

const MAX_LENGTH = 512

/**
 * Without the query, which holds upload states and, from careless clients, secrets; and without the authority of a target in
 * absolute form (RFC 9112 §3.2.2), which may hold a password.
 */
export function loggedPath(target: string): string {
  const mark = target.indexOf('?')
  const whole = mark < 0 ? target : target.slice(0, mark)
  const path = whole.startsWith('/') ? whole : whole.replace(/^[^/]*:\/\/[^/]*/, '')
  return path.length > MAX_LENGTH ? `${path.slice(0, MAX_LENGTH)}…` : path
}

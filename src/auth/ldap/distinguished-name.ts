// Distinguished names (RFC 4514), as far as a group's own name is concerned.

const FIRST = /^[^=,+]+=((?:[^\\",+;<>]|\\[^])*)(?=[,+;]|$)/
const ESCAPE = /((?:\\[0-9A-Fa-f]{2})+)|\\([^])/g

/** `cn=Developers,ou=groups,…` → `Developers`; undefined when it is not a name, or holds something else than text. */
export function firstValue(dn: string): string | undefined {
  const value = FIRST.exec(dn)?.[1]
  if (value === undefined || value === '' || value.startsWith('#')) return undefined
  return value.replace(ESCAPE, (_, hex: string | undefined, character: string) =>
    hex === undefined ? character : Buffer.from(hex.replaceAll('\\', ''), 'hex').toString('utf8'),
  )
}

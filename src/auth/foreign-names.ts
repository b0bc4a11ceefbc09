// Names that come from elsewhere: what may become the name of an account or of a group here.

const MAX_LENGTH = 255

/** `ldap:` + `bob`. Undefined for a name that is empty, too long, or holds control characters. */
export function foreignName(source: string, name: string): string | undefined {
  if (name === '' || name.trim() !== name || /[\p{Cc}\p{Cs}]/u.test(name)) return undefined
  const whole = `${source}${name}`
  return whole.length <= MAX_LENGTH ? whole : undefined
}

/** The groups in the names that grants know them by; those that can have none are left out, as are doubles. */
export function foreignGroups(source: string, names: readonly string[]): string[] {
  return [...new Set(names.flatMap((name) => foreignName(source, name) ?? []))]
}

// What a configuration calls by its name.

/** The configuration was checked: every name it uses is defined. */
export function named<T>(items: ReadonlyMap<string, T>, name: string): T {
  const item = items.get(name)
  if (item === undefined) throw new Error(`the configuration names ${name}, which it does not define`)
  return item
}

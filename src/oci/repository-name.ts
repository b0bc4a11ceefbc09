// Repository names (distribution-spec "Pulling manifests": <name>).

/** A lower-case, slash-separated name that cannot climb out of a folder, checked by {@link parseRepositoryName}. */
export type RepositoryName = string & { readonly __brand: 'RepositoryName' }

/** Longer names are refused, as registry:2 does; it also keeps paths under the file systems' limits. */
export const MAX_REPOSITORY_NAME_LENGTH = 255

const NAME = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/

/** The name that `text` spells, or undefined when it is malformed or too long. */
export function parseRepositoryName(text: string): RepositoryName | undefined {
  return text.length <= MAX_REPOSITORY_NAME_LENGTH && NAME.test(text) ? (text as RepositoryName) : undefined
}

/**
 * registry:2's order of the catalog: component by component, as if `/` sorted below every other character.
 * Negative when `a` comes first.
 */
export function compareRepositoryNames(a: string, b: string): number {
  const [left, right] = [a.replaceAll('/', '\0'), b.replaceAll('/', '\0')]
  return left < right ? -1 : left > right ? 1 : 0
}

// Parsed names for tests.
import { parseReference, parseTag, type Reference, type Tag } from '../../src/oci/reference.ts'
import { parseRepositoryName, type RepositoryName } from '../../src/oci/repository-name.ts'

export function repository(text: string): RepositoryName {
  return parseRepositoryName(text) ?? invalid(text)
}

export function reference(text: string): Reference {
  return parseReference(text) ?? invalid(text)
}

export function tag(text: string): Tag {
  return parseTag(text) ?? invalid(text)
}

function invalid(text: string): never {
  throw new Error(`not a name: ${text}`)
}

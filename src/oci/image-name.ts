// Images as people write them: a repository, with a tag or a digest behind it.
import { parseReference, type Reference } from './reference.ts'

export interface ImageName {
  /** As written, without a look at what it may be called here. */
  readonly name: string
  /** `latest` where nothing is written. */
  readonly reference: Reference
}

/** `docker.io/library/alpine:3.20`, `ghcr.io/acme/tool@sha256:…`. Undefined for what is none. */
export function parseImageName(text: string): ImageName | undefined {
  const at = text.indexOf('@')
  const colon = at >= 0 ? at : text.indexOf(':', text.lastIndexOf('/') + 1)
  const name = colon < 0 ? text : text.slice(0, colon)
  const reference = parseReference(colon < 0 ? 'latest' : text.slice(colon + 1))
  return name === '' || reference === undefined ? undefined : { name, reference }
}

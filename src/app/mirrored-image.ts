// Which mirror an image comes through that somebody names, as for pulling it ahead.
import type { Naming } from '../access/naming.ts'
import { Glob } from '../access/patterns.ts'
import type { Config } from '../config/config.ts'
import { RegistryError } from '../oci/error.ts'
import { parseImageName } from '../oci/image-name.ts'
import type { Reference } from '../oci/reference.ts'
import type { RepositoryName } from '../oci/repository-name.ts'

export interface MirroredImage {
  readonly repository: RepositoryName
  readonly reference: Reference
  /** The name of the store that its mirror keeps it in. */
  readonly store: string
}

/** Throws a {@link RegistryError} that says what to write when `image` is none, or comes through no mirror. */
export function mirroredImage(
  { repositories }: Pick<Config, 'repositories'>,
  naming: Naming,
  image: string,
): MirroredImage {
  const named = parseImageName(image)
  if (!named)
    throw new RegistryError(
      'UNSUPPORTED',
      `${JSON.stringify(image)} is no image: write docker.io/library/alpine:3.20`,
      { status: 400 },
    )
  const repository = naming.canonical({ name: named.name, host: undefined })
  const route = repositories.find(({ pattern }) => new Glob(pattern).matches(repository))
  if (route?.kind !== 'mirror')
    throw new RegistryError(
      'NAME_UNKNOWN',
      `${repository} is not mirrored: no route of a mirror speaks of it`,
    )
  return { repository, reference: named.reference, store: route.store }
}

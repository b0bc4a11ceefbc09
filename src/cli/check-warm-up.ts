// Images that are to be pulled ahead and that no mirror would bring: most likely mistyped.
import { buildNaming } from '../app/build-policy.ts'
import { mirroredImage } from '../app/mirrored-image.ts'
import type { Config } from '../config/config.ts'
import { formatPath } from '../config/problem.ts'
import { RegistryError } from '../oci/error.ts'

/** One line for each of them. */
export function checkWarmUp(config: Config): string[] {
  const naming = buildNaming(config)
  const complaint = (image: string): string | undefined => {
    try {
      mirroredImage(config, naming, image)
      return undefined
    } catch (error) {
      if (error instanceof RegistryError) return error.message
      throw error
    }
  }
  return config.warmUp.flatMap(({ images }, index) =>
    images.flatMap((image, at) => {
      const message = complaint(image)
      return message === undefined ? [] : [`${formatPath(['warmUp', index, 'images', at])}: ${message}`]
    }),
  )
}

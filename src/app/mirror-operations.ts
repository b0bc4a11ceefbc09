// What can be done to the stores that keep mirrors, by name: for the admin API and for commands without a running gateway.
import { z } from 'zod'
import { ANONYMOUS } from '../access/identity.ts'
import type { Naming } from '../access/naming.ts'
import type { StoreOperation, StoreOperations } from '../admin/store-api.ts'
import type { Config } from '../config/config.ts'
import type { RoutedRegistry } from '../core/routed.ts'
import { warmUp, type WarmUpReport } from '../core/warm-up.ts'
import { ACCEPT_ANYTHING } from '../oci/accept.ts'
import type { Platform } from '../oci/descriptor.ts'
import { RegistryError } from '../oci/error.ts'
import { parsePlatform } from '../oci/platform.ts'
import { mirroredImage } from './mirrored-image.ts'

/** What is pulled, or why it is not. */
export type PulledImage = { readonly image: string } & (WarmUpReport | { readonly error: string })

const input = z.strictObject({
  images: z.array(z.string().max(1024)).min(1).max(1000),
  platforms: z.array(z.string().max(128)).max(100).default([]),
})

/** `pull` for every store that a mirror keeps: yields `{ image, … }` while it works, returns `{ images }`. */
export function mirrorOperations(
  config: Config,
  registry: RoutedRegistry,
  naming: Naming,
): ReadonlyMap<string, StoreOperations> {
  const stores = config.repositories.flatMap((route) => (route.kind === 'mirror' ? [route.store] : []))
  const pull = pullThrough({ config, registry, naming })
  return new Map(stores.map((store) => [store, { pull }]))
}

interface Mirrors {
  readonly config: Config
  readonly registry: RoutedRegistry
  readonly naming: Naming
}

function pullThrough(mirrors: Mirrors): StoreOperation {
  return async function* (body, signal) {
    const parsed = input.safeParse(body)
    if (!parsed.success) throw badInput(parsed.error.issues[0]?.message ?? 'the input is not valid')
    const platforms = parsed.data.platforms.map((text) => parsePlatform(text) ?? refusePlatform(text))
    const images: PulledImage[] = []
    for (const image of parsed.data.images) {
      signal.throwIfAborted()
      try {
        images.push({ image, ...(yield* pullOne(image, platforms, { ...mirrors, signal })) })
      } catch (error) {
        // One that is not there must not keep the others from coming.
        if (signal.aborted || !(error instanceof RegistryError)) throw error
        images.push({ image, error: error.message })
      }
    }
    return { images }
  }
}

async function* pullOne(
  image: string,
  platforms: readonly Platform[],
  { config, registry, naming, signal }: Mirrors & { signal: AbortSignal },
): AsyncGenerator<object, WarmUpReport, void> {
  const { repository, reference } = mirroredImage(config, naming, image)
  const target = registry.resolve(repository)
  if (!target) throw new RegistryError('NAME_UNKNOWN', `no route serves ${repository}`)
  const context = { identity: ANONYMOUS, accept: ACCEPT_ANYTHING, signal }
  const steps = warmUp(target.registry, { repository, reference, platforms, context })
  for (;;) {
    const { done, value } = await steps.next()
    if (done) return value
    yield { image, ...value }
  }
}

function refusePlatform(text: string): never {
  throw badInput(`${JSON.stringify(text)} is no platform: write linux/amd64 or linux/arm64/v8`)
}

function badInput(message: string): RegistryError {
  return new RegistryError('UNSUPPORTED', message, { status: 400 })
}

// How old the answers of a mirrored route may be: from the words of its configuration to what the mirror asks.
import { Glob } from '../access/patterns.ts'
import type { FreshnessConfig, HoldConfig, TagTtl } from '../config/route-config.ts'
import type { MirrorRegistryOptions } from '../core/mirror/mirror-registry.ts'
import { keyOfRules, type HoldOptions } from '../core/mirror/tag-hold.ts'

export type FreshnessOptions = Pick<
  MirrorRegistryOptions,
  'asOf' | 'hold' | 'negativeTtlMs' | 'staleIfErrorMs' | 'staleWhileRevalidateMs' | 'tagTtlMs'
>

export function freshnessOf(config: FreshnessConfig): FreshnessOptions {
  const { asOf, hold, negativeTtlMs, staleIfErrorMs, staleWhileRevalidateMs, tagTtl } = config
  return {
    asOf,
    negativeTtlMs,
    staleIfErrorMs,
    staleWhileRevalidateMs,
    tagTtlMs: compileTagTtl(tagTtl),
    hold: hold && compileHold(hold),
  }
}

function compileTagTtl({ rules, defaultMs }: TagTtl): (tag: string) => number {
  const compiled = rules.map(({ tags, ttlMs }) => ({ glob: new Glob(tags), ttlMs }))
  return (tag) => compiled.find(({ glob }) => glob.matches(tag))?.ttlMs ?? defaultMs
}

function compileHold(config: HoldConfig): HoldOptions {
  const digests = new Set(config.exceptDigests)
  const images = config.exceptImages.map(({ repository, tag }) => ({
    repository: new Glob(repository),
    tag: new Glob(tag),
  }))
  return {
    holdMs: config.ms,
    holdsFirst: config.holdsFirst,
    isExempt: (repository, tag, digest) =>
      digests.has(digest) ||
      images.some((image) => image.repository.matches(repository) && image.tag.matches(tag)),
    key: keyOfRules(config),
  }
}

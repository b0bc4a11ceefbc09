// How old answers of a mirrored route may be: what the route says, else what its upstream says, else the defaults.
import { parseDigest } from '../oci/digest.ts'
import type { FreshnessConfig, HoldConfig, TagTtl } from './route-config.ts'
import { byLiteralPrefix, splitImagePattern } from './patterns.ts'
import type { ConfigFile } from './schema.ts'

const DEFAULT_TAG_TTL_MS = 2 * 24 * 3600_000
const DEFAULT_NEGATIVE_TTL_MS = 2_000

type Route = ConfigFile['repositories'][string]
type Upstream = ConfigFile['upstreams'][string]

export function toFreshness(route: Route, upstream: Upstream | undefined): FreshnessConfig {
  return {
    tagTtl: toTagTtl(route.tagTtl ?? upstream?.tagTtl),
    negativeTtlMs: route.negativeTtl ?? upstream?.negativeTtl ?? DEFAULT_NEGATIVE_TTL_MS,
    staleWhileRevalidateMs: toMs(route.staleWhileRevalidate ?? upstream?.staleWhileRevalidate ?? false),
    staleIfErrorMs: toMs(route.staleIfError ?? upstream?.staleIfError ?? true),
    hold: toHold(route, upstream),
    asOf: route.asOf,
  }
}

function toTagTtl(written: Route['tagTtl']): TagTtl {
  if (written === undefined) return { rules: [], defaultMs: DEFAULT_TAG_TTL_MS }
  if (typeof written === 'number') return { rules: [], defaultMs: written }
  const { default: defaultMs = DEFAULT_TAG_TTL_MS, ...rest } = written
  const rules = Object.entries(rest).toSorted(([a], [b]) => byLiteralPrefix(a, b))
  return { rules: rules.map(([tags, ttlMs]) => ({ tags, ttlMs })), defaultMs }
}

function toMs(written: boolean | number): number {
  if (typeof written === 'number') return written
  return written ? Infinity : 0
}

function toHold(route: Route, upstream: Upstream | undefined): HoldConfig | undefined {
  const ms = route.hold ?? upstream?.hold ?? 0
  if (ms === 0) return undefined
  // Whoever lets a fix through in one place does not want to repeat the list of the other.
  const exceptions = [...(upstream?.holdExcept ?? []), ...(route.holdExcept ?? [])]
  return {
    ms,
    holdsFirst: route.holdFirst ?? upstream?.holdFirst ?? false,
    exceptDigests: exceptions.flatMap((text) => parseDigest(text) ?? []),
    exceptImages: exceptions
      .filter((text) => parseDigest(text) === undefined)
      .map((text) => ({ tag: '*', ...splitImagePattern(text) })),
  }
}

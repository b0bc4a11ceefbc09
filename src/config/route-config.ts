// Where repositories come from, as the program uses it.
import type { Digest } from '../oci/digest.ts'

interface Routed {
  /** As written: `docker.io/**`. */
  readonly pattern: string
  /** The text before the first wildcard. */
  readonly prefix: string
}

export interface MirrorRoute extends Routed, FreshnessConfig {
  readonly kind: 'mirror'
  readonly upstream: string
  readonly store: string
  /** The store that pushes go to, whose content wins; undefined: they are refused. */
  readonly overlay: string | undefined
  readonly rewrite: Rewrite | undefined
}

/** How old the answers of a mirror may be. */
export interface FreshnessConfig {
  readonly tagTtl: TagTtl
  /** What the upstream does not have is not asked for again for so long. */
  readonly negativeTtlMs: number
  /** For how long after its TTL a tag is served while the upstream is asked; Infinity: always. */
  readonly staleWhileRevalidateMs: number
  /** For how long after its TTL a tag is served when the upstream can not be asked; Infinity: always. */
  readonly staleIfErrorMs: number
  /** Undefined: what is new upstream is served at once. */
  readonly hold: HoldConfig | undefined
  /** Tags are served as they stood at this moment, in ms since the epoch. */
  readonly asOf: number | undefined
}

export interface HoldConfig {
  readonly ms: number
  /** The first digest that is seen of a tag is held, too. */
  readonly holdsFirst: boolean
  readonly exceptDigests: readonly Digest[]
  /** Patterns. */
  readonly exceptImages: readonly { readonly repository: string; readonly tag: string }[]
}

export interface ProxyRoute extends Routed {
  readonly kind: 'proxy'
  readonly upstream: string
  readonly rewrite: Rewrite | undefined
}

export interface StoreRoute extends Routed {
  readonly kind: 'store'
  readonly store: string
}

export type RouteConfig = MirrorRoute | ProxyRoute | StoreRoute

/** On the way upstream, a name that begins with `from` begins with `to` instead. */
export interface Rewrite {
  readonly from: string
  readonly to: string
}

export interface TagTtl {
  /** The most literal pattern first: the first that matches the tag decides. `*` stands for any text. */
  readonly rules: readonly { readonly tags: string; readonly ttlMs: number }[]
  readonly defaultMs: number
}

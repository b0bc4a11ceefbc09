// How upstreams stand, as the processes of a gateway have seen it.
import type { UpstreamClient } from '../upstream/client.ts'

export interface EndpointStanding {
  readonly url: string
  /** False: it failed, and is not asked before it answers a probe. */
  readonly isUp: boolean
  /** Milliseconds since 1970: it wants not to be asked for manifests before; null when it does not mind. */
  readonly quietUntil: number | null
  /** What it told of its quota; null when it has named none lately. */
  readonly quota: {
    readonly limit: number
    readonly remaining: number
    readonly windowSeconds: number | null
    /** Milliseconds since 1970. */
    readonly seenAt: number
  } | null
}

export interface UpstreamStanding {
  readonly name: string
  /** In the order they are asked. */
  readonly endpoints: readonly EndpointStanding[]
}

export function standingOf(name: string, client: UpstreamClient): UpstreamStanding {
  const endpoints = client.endpoints().map(({ address, isDown, budget }): EndpointStanding => {
    const quota = budget.quota()
    const quietMs = budget.quietMs()
    return {
      url: address,
      isUp: !isDown,
      quietUntil: quietMs > 0 ? Date.now() + quietMs : null,
      quota: quota
        ? {
            limit: quota.limit,
            remaining: quota.remaining,
            windowSeconds: quota.windowSeconds ?? null,
            seenAt: quota.seenAt,
          }
        : null,
    }
  })
  return { name, endpoints }
}

/** What several processes have seen of the same upstreams: the latest quota, and whatever is wrong for one of them. */
export function mergedStanding(seen: readonly (readonly UpstreamStanding[])[]): UpstreamStanding[] {
  const byName = Map.groupBy(seen.flat(), ({ name }) => name)
  return [...byName].map(([name, standings]) => {
    const byUrl = Map.groupBy(
      standings.flatMap(({ endpoints }) => endpoints),
      ({ url }) => url,
    )
    return { name, endpoints: [...byUrl.values()].flatMap((same) => mergedEndpoint(same)) }
  })
}

function mergedEndpoint(same: readonly EndpointStanding[]): EndpointStanding[] {
  const [first] = same
  if (!first) return []
  const quotas = same.flatMap(({ quota }) => quota ?? []).toSorted((a, b) => b.seenAt - a.seenAt)
  const quiet = same.flatMap(({ quietUntil }) => quietUntil ?? [])
  return [
    {
      url: first.url,
      isUp: same.every(({ isUp }) => isUp),
      quietUntil: quiet.length > 0 ? Math.max(...quiet) : null,
      quota: quotas[0] ?? null,
    },
  ]
}

/** For people and scripts: times as text. */
export function writtenOut({ name, endpoints }: UpstreamStanding): object {
  const time = (ms: number): string => new Date(ms).toISOString()
  return {
    name,
    endpoints: endpoints.map(({ quietUntil, quota, ...rest }) => ({
      ...rest,
      quietUntil: quietUntil === null ? null : time(quietUntil),
      quota: quota && { ...quota, seenAt: time(quota.seenAt) },
    })),
  }
}

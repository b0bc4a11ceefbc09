// The garbage collector of a store, and the fence between it and the requests.
import { noPeers, type Peers } from '../cache/peers.ts'
import type { StoreConfig } from '../config/config.ts'
import { AnsweredFence } from '../core/bundled/gc/answered-fence.ts'
import { Collector, type CollectorOptions } from '../core/bundled/gc/collector.ts'
import { Fence } from '../core/bundled/gc/fence.ts'
import { Leases } from '../core/bundled/gc/leases.ts'
import { steppingBack } from '../core/bundled/gc/pace.ts'
import { SharedFence } from '../core/bundled/gc/shared-fence.ts'
import { lastServedAt, othersServe, ServingMark } from '../core/bundled/gc/serving.ts'

export interface BuiltCollector {
  /** Every request to the store has to pass it. */
  readonly fence: Fence
  readonly collector: Collector
}

export interface BuildCollectorOptions extends Pick<CollectorOptions, 'content' | 'forget'> {
  /** Clients are served by this process; false for a command. */
  readonly isServing: boolean
  /** The other processes of this gateway. */
  readonly peers: Peers
}

/** What is opened is closed with `stack`. */
export async function buildCollector(
  store: StoreConfig,
  options: BuildCollectorOptions,
  stack: AsyncDisposableStack,
): Promise<BuiltCollector> {
  return options.peers.isPrimary ? buildOwn(store, options, stack) : joinPrimary(store, options)
}

/** A worker answers to the collector of the primary. */
async function joinPrimary(
  { name, gc }: StoreConfig,
  { peers, content }: BuildCollectorOptions,
): Promise<BuiltCollector> {
  const fence = new Fence(new Leases({ graceMs: gc.graceMs }))
  const topic = topicOf(name)
  await AnsweredFence.join({ fence, peers, topic })
  const shared = new SharedFence({ fence, peers: noPeers(), topic })
  const objection = async () => 'the primary process of this gateway collects this store'
  return { fence, collector: new Collector({ content, fence: shared, objection }) }
}

async function buildOwn(
  { name, gc, isShared, filesystem: { root } }: StoreConfig,
  { isServing, peers, ...options }: BuildCollectorOptions,
  stack: AsyncDisposableStack,
): Promise<BuiltCollector> {
  // It stands for all processes of the gateway. Where no mark can be written nothing can be removed either.
  const mark = isServing ? await ServingMark.put(root).catch(() => undefined) : undefined
  if (mark) stack.defer(() => mark.remove())
  // What was confirmed before a server starts is unknown to it; a command knows when the last server ended.
  const knownSince = isServing ? {} : { knownSince: (await lastServedAt(root)) ?? 0 }
  const fence = new Fence(new Leases({ graceMs: gc.graceMs, ...knownSince }))
  const objection = async () => {
    if (isShared) return 'the store is shared with another registry, whose pushes are not known here'
    if (isServing && !mark) return 'the folder of the store can not be written to'
    return (await othersServe(root))
      ? 'another gateway serves this store: run it while that one is stopped'
      : undefined
  }
  const shared = new SharedFence({ fence, peers, topic: topicOf(name) })
  const pace = isServing ? { pace: steppingBack } : {}
  return { fence, collector: new Collector({ ...options, ...pace, fence: shared, objection }) }
}

function topicOf(store: string): string {
  return `fence of ${store}`
}

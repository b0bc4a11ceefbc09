// The processes of one gateway within one: a primary and workers whose messages are copied, and arrive in their order.
import { setImmediate as turn } from 'node:timers/promises'
import { noPeers, type Answerer, type Message, type Peers } from '../../src/cache/peers.ts'

export interface LinkedPeers {
  readonly primary: Peers
  /** Starts one more worker. */
  join(): Peers
  /** Ends a worker: nobody waits for it, and nothing that it says is heard any more. */
  end(worker: Peers): void
}

interface Linked extends Peers {
  readonly answerers: Map<string, Answerer>
  readonly goneListeners: ((id: string) => void)[]
  /** Resolves when it ends. */
  readonly ended: PromiseWithResolvers<void>
  isGone: boolean
}

const GONE = Symbol('gone')

export function linkPeers(): LinkedPeers {
  const all: Linked[] = []
  const add = (isPrimary: boolean): Linked => {
    const peer = linked(all, isPrimary ? 'primary' : `worker ${all.length}`, isPrimary)
    all.push(peer)
    return peer
  }
  return {
    primary: add(true),
    join: () => add(false),
    end: (worker) => {
      const found = all.find((peer) => peer === worker)
      if (!found || found.isGone) return
      found.isGone = true
      found.ended.resolve()
      // At the worst moment: who asked it has gone on already.
      void turn().then(() => {
        for (const peer of all)
          if (!peer.isGone) for (const listener of peer.goneListeners) listener(found.id)
      })
    },
  }
}

function linked(all: readonly Linked[], id: string, isPrimary: boolean): Linked {
  const answerers = new Map<string, Answerer>()
  const goneListeners: ((id: string) => void)[] = []
  const put = async (to: Linked, topic: string, question: Message): Promise<Message | typeof GONE> => {
    const copy = structuredClone(question)
    await turn()
    if (peer.isGone) return new Promise(() => {}) // nobody is there to hear
    if (to.isGone) return GONE
    const answer = (async () => to.answerers.get(topic)?.(copy, id) ?? null)()
    const heard = await Promise.race([answer, to.ended.promise.then((): typeof GONE => GONE)])
    await turn()
    if (peer.isGone) return new Promise(() => {})
    return heard === GONE ? GONE : structuredClone(heard)
  }
  const others = () => all.filter((other) => other !== peer && !other.isGone)
  const peer: Linked = {
    ...noPeers(),
    id,
    isPrimary,
    answerers,
    goneListeners,
    ended: Promise.withResolvers(),
    isGone: false,
    ask: async (topic, question) => {
      const answers = await Promise.all(others().map((other) => put(other, topic, question)))
      return answers.filter((answer) => answer !== GONE)
    },
    askPrimary: async (topic, question) => {
      const [primary] = all
      const answer = primary ? await put(primary, topic, question) : GONE
      if (answer === GONE) throw new Error('the primary is gone')
      return answer
    },
    tell: (topic, message) => {
      for (const other of others()) void put(other, topic, message)
    },
    answer: (topic, answerer) => void answerers.set(topic, answerer),
    onGone: (listener) => void goneListeners.push(listener),
  }
  return peer
}

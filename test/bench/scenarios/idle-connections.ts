// What clients cost that keep their connection open and say nothing: a cluster of nodes between two pulls.
import { setTimeout as pause } from 'node:timers/promises'
import { scoped } from '../../support/scope.ts'
import { holdConnections } from '../load/hold-connections.ts'
import { MIB } from '../options.ts'
import { memoryOf } from '../process-accounts.ts'
import type { Bench, Figure, Scenario, Target } from '../scenario.ts'
import { shown } from '../statistics.ts'
import { BASIC, type System } from '../system.ts'
import { bareHandler } from '../systems/bare-handler.ts'
import { dockgate, dockgateTwoWorkers } from '../systems/dockgate.ts'

const LIMIT = 1.2
const JUDGED_CONNECTIONS = 10_000
/** Until what the handshakes left behind is collected. */
const SETTLE_MS = 3000

const TARGET: Target = {
  subject: dockgate.name,
  against: bareHandler.name,
  limit: LIMIT,
  text: `≤ ${LIMIT} × the bare handler`,
}

export const idleConnections: Scenario = {
  name: 'idle-connections',
  title: 'resident memory with 10,000 idle keep-alive TLS connections (--quick: 1,000)',
  unit: 'MiB',
  // With few connections, what the program itself takes is most of it.
  targets: ({ idleConnections: connections }) => (connections < JUDGED_CONNECTIONS ? [] : [TARGET]),
  measure: async (_, bench) => {
    const figures: Figure[] = []
    for (const system of [dockgate, dockgateTwoWorkers, bareHandler]) {
      const figure = await measureSystem(bench, system)
      if (figure) figures.push(figure)
    }
    return figures
  },
}

/** Once: what a process has grown to, it seldom gives back. */
function measureSystem(bench: Bench, system: System): Promise<Figure | undefined> {
  const connections = bench.options.idleConnections
  return scoped(async (t) => {
    const running = await bench.start(t, system)
    if (!running) return undefined
    const url = `${running.url}/v2/`
    await scoped((first) => holdConnections(first, { url, authorization: BASIC, connections: 1 }))
    const before = await memoryOf(running.pids)
    bench.progress(`${connections} connections to ${running.name}`)
    await holdConnections(t, { url, authorization: BASIC, connections })
    await pause(SETTLE_MS)
    const { rssBytes, peakRssBytes } = await memoryOf(running.pids)
    const details = {
      'MiB before': shown(before.rssBytes / MIB),
      'KiB per connection': shown((rssBytes - before.rssBytes) / 1024 / connections),
      'peak MiB': shown(peakRssBytes / MIB),
    }
    return { subject: running.name, value: rssBytes / MIB, runs: [rssBytes / MIB], details }
  })
}

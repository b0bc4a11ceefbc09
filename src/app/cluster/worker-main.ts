// Where a worker process begins: it joins its peers, is told what to run, and runs it until it is told to leave.
import cluster from 'node:cluster'
import { decodeOrders, textOf, TOPIC } from './orders.ts'
import { WorkerPeers } from './worker-peers.ts'
import { startWorker } from './worker.ts'

// A terminal, or systemd, sends them to every process of the group: the primary decides what they mean.
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR2'] as const) process.on(signal, () => undefined)

process.title = 'dockgate worker'
const peers = new WorkerPeers(String(cluster.worker?.id), process)
try {
  await run()
  process.exit(0)
} catch (error) {
  const message = error instanceof Error ? error.message : String(error)
  await peers.askPrimary(TOPIC.failed, message).catch(() => undefined)
  process.exit(1)
}

async function run(): Promise<void> {
  const left = Promise.withResolvers<boolean>()
  peers.answer(TOPIC.leave, (isReplaced) => {
    left.resolve(isReplaced === true)
    return null
  })
  const orders = decodeOrders(textOf(await peers.askPrimary(TOPIC.orders, null)))
  const worker = await startWorker(orders, peers)
  await peers.askPrimary(TOPIC.listening, worker.addresses.join(' '))
  const isReplaced = await left.promise
  await worker.close({ isReplaced })
}

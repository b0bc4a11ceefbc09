// A worker for the tests of peers: it answers, refuses, stands still and crashes as it is asked to.
import { WorkerPeers } from '../../../src/app/cluster/worker-peers.ts'
import { textOf } from '../../../src/app/cluster/orders.ts'
import type { Message } from '../../../src/cache/peers.ts'

const [, , id = ''] = process.argv
const peers = new WorkerPeers(id, process)
const heard: Message[] = []

peers.answer('echo', (question, from) => [id, question, from])
peers.answer('refuse if', (name) => {
  if (name === id) throw new Error(`no, says ${id}`)
  return id
})
peers.answer('crash if', (name) => {
  if (name === id) process.exit(3)
  return id
})
peers.answer('stand still if', (name) => {
  while (name === id);
  return id
})
peers.answer('never answer if', (name) => (name === id ? new Promise(() => undefined) : id))
peers.answer('heard', () => heard)
peers.answer('tell', (message) => {
  heard.push(message)
  return null
})
peers.answer('tell all', (count) => {
  for (let number = 0; number < Number(count); number += 1) peers.tell('tell', number)
  return null
})
peers.answer('ask all', (topic) => peers.ask(textOf(topic), id))
peers.answer('ask primary', (topic) => peers.askPrimary(textOf(topic), id))
peers.onGone((gone) => heard.push(gone))

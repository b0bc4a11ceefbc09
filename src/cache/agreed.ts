// A value that is the same in all processes of a gateway.
import type { Peers } from './peers.ts'

/** What the primary makes of it, once. A worker rejects when the primary has not asked for it before. */
export async function agreed(
  peers: Peers,
  topic: string,
  make: () => string | Promise<string>,
): Promise<string> {
  if (peers.isPrimary) {
    const value = await make()
    peers.answer(topic, () => value)
    return value
  }
  const value = await peers.askPrimary(topic, null)
  if (typeof value === 'string') return value
  throw new Error(`the primary process knows nothing of: ${topic}`)
}

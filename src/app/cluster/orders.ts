// What the primary hands to each worker: everything that a worker runs by. It reads no configuration of its own.
import { deserialize, serialize } from 'node:v8'
import type { Message } from '../../cache/peers.ts'
import type { Config } from '../../config/config.ts'

export interface Orders {
  /** Its caches are the worker's share. */
  readonly config: Config
  /** What the keys of TLS session tickets are made of. */
  readonly ticketSecret: Uint8Array
}

/** As messages: a configuration holds maps, which JSON does not. */
export function encodeOrders(orders: Orders): string {
  return encode(orders)
}

/** Of {@link encodeOrders}, from the primary alone. */
export function decodeOrders(text: string): Orders {
  return deserialize(Buffer.from(text, 'base64')) as Orders
}

export function encodeConfig(config: Config): string {
  return encode(config)
}

/** Of {@link encodeConfig}, from the primary alone. */
export function decodeConfig(text: string): Config {
  return deserialize(Buffer.from(text, 'base64')) as Config
}

function encode(value: Orders | Config): string {
  return serialize(value).toString('base64')
}

/** A message that is text. */
export function textOf(message: Message): string {
  if (typeof message !== 'string') throw new TypeError('a message of another process is not text')
  return message
}

/** The topics that the primary and its workers talk about. */
export const TOPIC = {
  /** Worker to primary: what shall I do? Answered when everything is there that workers need. */
  orders: 'worker:orders',
  /** Worker to primary: I listen, on these URLs. */
  listening: 'worker:listening',
  /** Worker to primary: I cannot start, for this reason. */
  failed: 'worker:failed',
  /** Primary to worker: stop accepting, finish what runs, end. True: others go on accepting. */
  leave: 'worker:leave',
  /** Worker to primary: what I have counted. */
  counted: 'worker:counted',
  /** Primary to worker: what have you counted? */
  metrics: 'worker:metrics',
  /** Primary to all: take over what has changed. Answered with what was refused. */
  reload: 'worker:reload',
  /** Primary to all: the new secret of session tickets. */
  tickets: 'worker:tickets',
} as const

// A process of its own that writes to an upload session: started by tests, told what to do by messages.
import { PassThrough } from 'node:stream'
import { BundledRegistry } from '../../../src/core/bundled/bundled-registry.ts'
import { FilesystemDriver } from '../../../src/storage/filesystem.ts'
import { repository } from '../content/content.ts'
import { CONTEXT } from './bundled.ts'

/** `begin` opens a chunk and writes `bytes` (latin1), `more` goes on with it, `end` ends it. */
export type Order =
  | { readonly kind: 'begin'; readonly root: string; readonly id: string; readonly bytes: string }
  | { readonly kind: 'more'; readonly bytes: string }
  | { readonly kind: 'end' }

/** What became of the chunk. */
export interface Outcome {
  readonly offset?: number
  readonly code?: string
}

let body = new PassThrough()

process.on('message', (order: Order) => {
  if (order.kind === 'more') body.write(order.bytes, 'latin1')
  if (order.kind === 'end') body.end()
  if (order.kind === 'begin') void begin(order)
})

async function begin({ root, id, bytes }: Extract<Order, { kind: 'begin' }>): Promise<void> {
  const registry = new BundledRegistry({ driver: new FilesystemDriver({ root, fsync: false }) })
  body = new PassThrough()
  body.write(bytes, 'latin1')
  const outcome = await registry.uploads.append(repository('team/app'), id, { body }, CONTEXT).then(
    ({ offset }): Outcome => ({ offset }),
    (error: unknown): Outcome => ({
      code: error instanceof Error && 'code' in error ? String(error.code) : String(error),
    }),
  )
  process.send?.(outcome)
}

// A process of its own with a mirror: started by tests, told by messages what its clients read.
import { createHash } from 'node:crypto'
import type { Digest } from '../../../../src/oci/digest.ts'
import type { RepositoryName } from '../../../../src/oci/repository-name.ts'
import { CONTEXT, startMirror, type MirrorFixture } from '../mirror-fixture.ts'

export interface StartOrder {
  readonly kind: 'start'
  readonly root: string
  readonly url: string
  readonly maxOrphans?: number
}

/** So many clients read the blob; the first of them stops behind its first bytes until the others are done. */
export interface ReadOrder {
  readonly kind: 'read'
  readonly repository: RepositoryName
  readonly digest: Digest
  readonly clients: number
  /** Then all of them leave. */
  readonly leaveAfter?: number
}

/** What one client got. */
export interface Outcome {
  readonly bytes: number
  /** Of the first clients alone: hashing costs more than reading. */
  readonly digest?: string
  readonly error?: string
}

export type Report =
  | { readonly kind: 'started' }
  | { readonly kind: 'progress'; readonly bytes: number }
  | { readonly kind: 'read'; readonly outcomes: readonly Outcome[]; readonly grownBytes: number }

const HASHED_CLIENTS = 2
const PROGRESS_MS = 10

let mirror: MirrorFixture | undefined

process.on('message', (order: StartOrder | ReadOrder) => {
  void (order.kind === 'start' ? start(order) : read(order))
})

function report(message: Report): void {
  process.send?.(message)
}

async function start({ root, url, maxOrphans }: StartOrder): Promise<void> {
  const limits = maxOrphans === undefined ? {} : { maxOrphans }
  mirror = await startMirror({ after: () => undefined }, url, { root, limits })
  report({ kind: 'started' })
}

async function read(order: ReadOrder): Promise<void> {
  const before = process.memoryUsage().rss
  let [most, bytes] = [before, 0]
  const sampling = setInterval(() => {
    most = Math.max(most, process.memoryUsage().rss)
    report({ kind: 'progress', bytes })
  }, PROGRESS_MS)
  const others = Promise.withResolvers<void>()
  const onBytes = (count: number): void => void (bytes = Math.max(bytes, count))
  const [slow, ...fast] = Array.from({ length: order.clients }, (_, at) =>
    readOne(order, { at, resume: at === 0 ? others.promise : undefined, onBytes }),
  )
  await Promise.all(fast)
  others.resolve()
  const outcomes = await Promise.all([...fast, ...(slow ? [slow] : [])])
  clearInterval(sampling)
  report({ kind: 'read', outcomes, grownBytes: most - before })
}

async function readOne(
  { repository, digest, leaveAfter = Infinity }: ReadOrder,
  client: { at: number; resume: Promise<void> | undefined; onBytes: (count: number) => void },
): Promise<Outcome> {
  const hash = createHash('sha256')
  let bytes = 0
  try {
    const blob = await mirror?.registry.openBlob(repository, digest, CONTEXT)
    try {
      for await (const chunk of (await blob?.read()) ?? []) {
        bytes += (chunk as Buffer).length
        if (client.at < HASHED_CLIENTS) hash.update(chunk as Buffer)
        client.onBytes(bytes)
        if (bytes >= leaveAfter) break
        await client.resume
      }
    } finally {
      blob?.release()
    }
  } catch (error) {
    return { bytes, error: error instanceof Error ? error.message : String(error) }
  }
  return { bytes, ...(client.at < HASHED_CLIENTS ? { digest: `sha256:${hash.digest('hex')}` } : {}) }
}

// Several processes on one store, as the workers of a gateway: they fetch each blob once, and outlive each other.
import assert from 'node:assert/strict'
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { open, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { ContentStore } from '../../../../src/core/content/content-store.ts'
import type { RepositoryName } from '../../../../src/oci/repository-name.ts'
import { FilesystemDriver } from '../../../../src/storage/filesystem.ts'
import { startHub, type Hub } from '../../../support/hub.ts'
import { imageOf } from '../../../support/images.ts'
import { known } from '../../../support/known.ts'
import { atEnd, temporaryFolder, type Scope } from '../../../support/scope.ts'
import { until } from '../../../support/until.ts'
import { ALPINE, mirrored } from '../mirror-fixture.ts'
import type { Outcome, ReadOrder, Report, StartOrder } from './mirror-process.ts'

const MIB = 1024 * 1024
const COPY = mirrored('library/copy')
const image = imageOf({ seed: 'processes', layerBytes: 8 * MIB })
const layer = known(image.layers[0])
const images = { 'library/alpine:1': image, 'library/copy:1': image, 'library/other:1': imageOf() }

interface MirrorProcess {
  /** What its clients have got: the one that has most. */
  readonly progress: () => number
  read(order?: Partial<ReadOrder>): Promise<{ outcomes: readonly Outcome[]; grownBytes: number }>
  kill(): Promise<void>
}

async function startMirrorProcess(t: Scope, order: Omit<StartOrder, 'kind'>): Promise<MirrorProcess> {
  const child = fork(join(import.meta.dirname, 'mirror-process.ts'))
  const exited = once(child, 'exit')
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL')
    await exited
  }
  atEnd(t, kill)
  let bytes = 0
  child.on('message', (report: Report) => {
    if (report.kind === 'progress') bytes = report.bytes
  })
  child.send({ kind: 'start', ...order })
  await reported(child, 'started')
  return {
    kill,
    progress: () => bytes,
    read: async (rest = {}) => {
      const read = { kind: 'read', repository: ALPINE, digest: layer.digest, clients: 1, ...rest } as const
      child.send(read)
      return reported(child, 'read')
    },
  }
}

function reported<Kind extends Report['kind']>(
  child: ChildProcess,
  kind: Kind,
): Promise<Extract<Report, { kind: Kind }>> {
  return new Promise((resolve, reject) => {
    child.on('message', (report: Report) => {
      if (report.kind === kind) resolve(report as Extract<Report, { kind: Kind }>)
    })
    child.once('exit', () => reject(new Error('the process has ended')))
  })
}

async function startTwo(t: Scope, options: { maxOrphans?: number } = {}) {
  const hub = await startHub(t, { images })
  const root = await temporaryFolder(t)
  const order = { root, url: hub.url, ...options }
  return { hub, root, one: await startMirrorProcess(t, order), two: await startMirrorProcess(t, order) }
}

/** One process was killed in the middle of a download, which hangs until `heal` is called. */
async function startWithLeftovers(t: Scope) {
  const { hub, root, one, two } = await startTwo(t)
  const pause = hub.fail({ server: 'cdn' }, { kind: 'hang', afterBytes: 5 * MIB })
  one.read().catch(() => undefined)
  await until('it has begun', () => one.progress() > 4 * MIB)
  await one.kill()
  return { hub, root, two, heal: () => pause.remove() }
}

function assertWhole(outcomes: readonly Outcome[], { digest, size } = layer): void {
  for (const outcome of outcomes) {
    assert.equal(outcome.error, undefined)
    assert.equal(outcome.bytes, size)
    if (outcome.digest !== undefined) assert.equal(outcome.digest, digest)
  }
}

function downloads(hub: Hub) {
  return hub.received({ server: 'cdn', method: 'GET' })
}

function isKept(root: string, repository: RepositoryName): Promise<boolean> {
  const { blobs } = new ContentStore(new FilesystemDriver({ root }))
  return blobs.find(repository, layer.digest).then((found) => found !== undefined)
}

/** Changes the first byte of what has been fetched. */
async function damage(root: string): Promise<void> {
  const names = await readdir(join(root, '_spool'), { recursive: true })
  await using file = await open(
    join(root, '_spool', known(names.find((name) => name.endsWith('.data')))),
    'r+',
  )
  await file.write(Buffer.from([known(layer.bytes[0]) ^ 1]), 0, 1, 0)
}

/** As if the upstream had told another length when the download began. */
async function announceOneByteMore(root: string): Promise<void> {
  const names = await readdir(join(root, '_spool'), { recursive: true })
  const file = join(root, '_spool', known(names.find((name) => name.endsWith('.claim'))))
  const text = await readFile(file, 'utf8')
  assert(text.includes(`"size":${layer.size}`))
  await writeFile(file, text.replace(`"size":${layer.size}`, `"size":${layer.size + 1}`))
}

async function untilNothingIsLeft(root: string): Promise<void> {
  await until('nothing is left of the download', async () => {
    const names = await readdir(join(root, '_spool'), { recursive: true })
    return !names.some((name) => /\.(claim|data)/.test(name))
  })
}

test('a hundred clients of two processes cost one download, and no memory for each', async (t) => {
  const large = imageOf({ seed: 'large', layerBytes: 64 * MIB })
  const { digest, size } = known(large.layers[0])
  const { hub, root, one, two } = await startTwo(t)
  hub.add('library/alpine:large', large)
  const reads = await Promise.all([one, two].map((each) => each.read({ digest, clients: 50 })))
  for (const { outcomes, grownBytes } of reads) {
    assert.equal(outcomes.length, 50)
    assertWhole(outcomes, { ...layer, digest, size })
    assert(grownBytes < 200 * MIB, `50 clients of ${size} bytes took ${grownBytes}`)
  }
  const sent = downloads(hub).reduce((sum, { bytesSent }) => sum + bytesSent, 0)
  assert.equal(sent, size)
  await untilNothingIsLeft(root)
})

test('when the process that fetches is killed, another one goes on where it was', async (t) => {
  const { hub, root, one, two } = await startTwo(t)
  const pause = hub.fail({ server: 'cdn' }, { kind: 'hang', afterBytes: 5 * MIB })
  one.read().catch(() => undefined)
  await until('the first has begun', () => one.progress() > 0)
  const read = two.read({ clients: 3 })
  await until('the second follows', () => two.progress() > 4 * MIB)
  await one.kill()
  pause.remove()
  assertWhole((await read).outcomes)
  const [first, second, ...more] = downloads(hub)
  assert.equal(more.length, 0)
  assert.equal(first?.headers.range, undefined)
  assert.match(second?.headers.range ?? '', /^bytes=[1-9]\d{6}/)
  await until('the blob is kept', () => isKept(root, ALPINE))
  await untilNothingIsLeft(root)
})

test('what a killed process fetched is gone on with by the next one that is asked', async (t) => {
  const { hub, root, two, heal } = await startWithLeftovers(t)
  heal()
  assertWhole((await two.read()).outcomes)
  assert.match(downloads(hub).at(-1)?.headers.range ?? '', /^bytes=[1-9]\d{6}/)
  await untilNothingIsLeft(root)
})

test('what a killed process fetched is hashed again: with wrong bytes in it nothing is given out whole', async (t) => {
  const { root, two, heal } = await startWithLeftovers(t)
  await damage(root)
  heal()
  const [outcome] = (await two.read()).outcomes
  assert(outcome?.error !== undefined && outcome.bytes < layer.size)
  assert.equal(await isKept(root, ALPINE), false)
  await untilNothingIsLeft(root)
  assertWhole((await two.read()).outcomes)
})

test('what a killed process fetched of an answer with another length is not gone on with', async (t) => {
  const { root, two, heal } = await startWithLeftovers(t)
  await announceOneByteMore(root)
  heal()
  assertWhole((await two.read()).outcomes)
  await untilNothingIsLeft(root)
})

test('a wrong blob is given out whole by no process, and kept by none', async (t) => {
  const { hub, root, one, two } = await startTwo(t)
  const pause = hub.fail({ server: 'cdn' }, { kind: 'hang' })
  hub.fail({ server: 'cdn' }, { kind: 'wrong-bytes' }, { times: 1 })
  const reads = [one.read({ clients: 2 }), two.read({ clients: 2 })]
  pause.remove()
  for (const { outcomes } of await Promise.all(reads))
    for (const { bytes, digest, error } of outcomes)
      assert(error === undefined ? digest === layer.digest : bytes < layer.size)
  await untilNothingIsLeft(root)
})

test('a process whose clients have left leaves the download to another one', async (t) => {
  const { hub, root, one, two } = await startTwo(t, { maxOrphans: 0 })
  const pause = hub.fail({ server: 'cdn' }, { kind: 'hang', afterBytes: 5 * MIB })
  const left = one.read({ leaveAfter: 4 * MIB })
  await until('the first has begun', () => one.progress() > 0)
  const read = two.read()
  await left
  await until('the second has what there is', () => two.progress() > 4 * MIB)
  pause.remove()
  assertWhole((await read).outcomes)
  await until('the blob is kept', () => isKept(root, ALPINE))
  await untilNothingIsLeft(root)
})

test('another repository follows in another process once the upstream lets it, and holds the blob afterwards', async (t) => {
  const { hub, root, one, two } = await startTwo(t)
  const pause = hub.fail({ server: 'cdn' }, { kind: 'hang', afterBytes: 5 * MIB })
  const first = one.read()
  await until('the first has begun', () => one.progress() > 0)
  const refused = await two.read({ repository: mirrored('library/other') })
  assert.match(refused.outcomes[0]?.error ?? '', /upstream|unknown|not/i)
  const second = two.read({ repository: COPY })
  await until('the second follows', () => two.progress() > 4 * MIB)
  pause.remove()
  for (const { outcomes } of await Promise.all([first, second])) assertWhole(outcomes)
  assert.equal(downloads(hub).length, 1)
  await until('both hold it', async () => (await isKept(root, ALPINE)) && isKept(root, COPY))
})

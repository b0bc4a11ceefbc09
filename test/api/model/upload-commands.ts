// Uploads, as random commands: sessions with offsets, chunks that do not fit, right and wrong digests, mounts.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { digestOf } from '../../../src/oci/digest.ts'
import { seededBytes } from '../../support/seeded-bytes.ts'
import { assertRefused, codeOf, pathOf, type Real } from './real.ts'
import { digestAt, nth, repositoryAt, type ModelUpload, type World } from './world.ts'

export const UNKNOWN = digestOf('nothing that was ever pushed')

export type Command = fc.AsyncCommand<World, Real>

/** Any size that matters: none, one byte, a few, more than a writer collects before it writes. */
const size = fc.oneof(fc.constantFrom(0, 1, 2), fc.integer({ min: 3, max: 3000 }), fc.constant(700_000))
const seed = fc.integer({ min: 0, max: 5 })
const number = fc.nat(1000)
const algorithm = fc.constantFrom('sha256' as const, 'sha512' as const)

export function contentOf(world: World, [contentSeed, length]: readonly [number, number]): Buffer {
  const bytes = seededBytes(`${world.prefix} ${contentSeed}`, length)
  world.contents.set(digestOf(bytes), bytes)
  world.contents.set(digestOf(bytes, 'sha512'), bytes)
  return bytes
}

function command(name: string, run: (world: World, real: Real) => Promise<void>): Command {
  return { check: () => true, run, toString: () => name }
}

/** Mostly one that was not ended. */
function uploadAt({ uploads }: World, at: number): ModelUpload | undefined {
  const open = uploads.filter(({ isOpen }) => isOpen)
  return nth(at % 5 === 0 || open.length === 0 ? uploads : open, at)
}

const start = fc.tuple(number, fc.option(algorithm)).map(([at, named]) =>
  command(`start(${at}, ${named})`, async (world, real) => {
    const repository = repositoryAt(world, at)
    const query = named === null ? '' : `?digest-algorithm=${named}`
    const answer = await real.ask(`/v2/${repository.name}/blobs/uploads/${query}`, { method: 'POST' })
    assert.equal(answer.status, 202)
    assert.equal(answer.headers.range, '0-0')
    world.uploads.push({
      repository,
      path: pathOf(answer.headers.location),
      bytes: Buffer.alloc(0),
      isOpen: true,
    })
  }),
)

const chunkPlace = fc.constantFrom('none', 'right', 'early', 'late', 'too long', 'malformed')

const append = fc.tuple(number, seed, size, chunkPlace).map(([at, contentSeed, length, place]) =>
  command(`append(${at}, ${contentSeed}, ${length}, ${place})`, async (world, real) => {
    const upload = uploadAt(world, at)
    if (!upload) return
    const chunk = contentOf(world, [contentSeed, length])
    const headers = rangeHeaders(place, upload.bytes.length, chunk.length)
    const answer = await real.ask(upload.path, { method: 'PATCH', body: chunk, headers })
    if (headers['content-range'] === 'x-y') return assert.equal(answer.status, 400)
    if (!upload.isOpen) return assertRefused(answer, 404, 'BLOB_UPLOAD_UNKNOWN')
    if (refusesRange(place, upload.bytes.length, chunk.length)) {
      assertRefused(answer, 416, 'RANGE_INVALID')
      assert.equal(answer.headers.range, rangeOf(upload))
      return assert.equal(pathOf(answer.headers.location), upload.path)
    }
    assert.equal(answer.status, 202, answer.text())
    upload.bytes = Buffer.concat([upload.bytes, chunk])
    assert.equal(answer.headers.range, rangeOf(upload))
  }),
)

function rangeHeaders(place: string, offset: number, length: number): Record<string, string> {
  if (place === 'malformed') return { 'content-range': 'x-y' }
  // A chunk of no bytes has no range.
  if (place === 'none' || length === 0) return {}
  const start = place === 'early' ? Math.max(0, offset - 1) : place === 'late' ? offset + 1 : offset
  return { 'content-range': `${start}-${start + length - 1}` }
}

function refusesRange(place: string, offset: number, length: number): boolean {
  return length > 0 && (place === 'late' || (place === 'early' && offset > 0))
}

function rangeOf({ bytes }: ModelUpload): string {
  return `0-${Math.max(0, bytes.length - 1)}`
}

const status = number.map((at) =>
  command(`status(${at})`, async (world, real) => {
    const upload = uploadAt(world, at)
    if (!upload) return
    const answer = await real.ask(upload.path)
    if (!upload.isOpen) return assertRefused(answer, 404, 'BLOB_UPLOAD_UNKNOWN')
    assert.equal(answer.status, 204)
    assert.equal(answer.headers.range, rangeOf(upload))
    assert.equal(pathOf(answer.headers.location), upload.path)
  }),
)

const cancel = number.map((at) =>
  command(`cancel(${at})`, async (world, real) => {
    const upload = uploadAt(world, at)
    if (!upload) return
    const answer = await real.ask(upload.path, { method: 'DELETE' })
    if (!upload.isOpen) return assertRefused(answer, 404, 'BLOB_UPLOAD_UNKNOWN')
    assert.equal(answer.status, 204)
    upload.isOpen = false
  }),
)

const digestKind = fc.constantFrom(
  'right',
  'right',
  'right',
  'right',
  'right',
  'wrong',
  'malformed',
  'missing',
)
const lastChunk = fc.option(fc.tuple(seed, size))

const finish = fc.tuple(number, digestKind, algorithm, lastChunk).map(([at, kind, named, last]) =>
  command(`finish(${at}, ${kind}, ${named}, ${last?.join(' ')})`, async (world, real) => {
    const upload = uploadAt(world, at)
    if (!upload) return
    const chunk = last === null ? Buffer.alloc(0) : contentOf(world, last)
    const whole = Buffer.concat([upload.bytes, chunk])
    const digest = digestOf(whole, named)
    const asked = { right: digest, wrong: UNKNOWN, malformed: 'sha256:abc', missing: '' }[kind]
    const query = asked === '' ? '' : `?digest=${asked}`
    const options = chunk.length === 0 ? {} : { body: chunk }
    const answer = await real.ask(upload.path + query, { method: 'PUT', ...options })
    if (kind === 'malformed' || kind === 'missing') return assertRefused(answer, 400, 'DIGEST_INVALID')
    if (!upload.isOpen) return assertRefused(answer, 404, 'BLOB_UPLOAD_UNKNOWN')
    upload.isOpen = false
    if (kind === 'wrong') return assertRefused(answer, 400, 'DIGEST_INVALID')
    assert.equal(answer.status, 201, answer.text())
    assert.equal(answer.headers['docker-content-digest'], digest)
    world.contents.set(digest, whole)
    upload.repository.blobs.add(digest)
  }),
)

const whole = fc
  .tuple(number, seed, size, algorithm, fc.constantFrom(true, true, true, true, false))
  .map(([at, contentSeed, length, named, isRight]) =>
    command(`whole(${at}, ${contentSeed}, ${length}, ${named}, ${isRight})`, async (world, real) => {
      const repository = repositoryAt(world, at)
      const bytes = contentOf(world, [contentSeed, length])
      const digest = digestOf(bytes, named)
      const path = `/v2/${repository.name}/blobs/uploads/?digest=${isRight ? digest : UNKNOWN}`
      const answer = await real.ask(path, { method: 'POST', body: bytes })
      // Without a body it begins a session, except where nothing is the right content.
      if (length === 0 && !isRight) return assert.equal(answer.status, 202)
      if (!isRight) return assertRefused(answer, 400, 'DIGEST_INVALID')
      assert.equal(answer.status, 201, answer.text())
      repository.blobs.add(digest)
    }),
  )

const source = fc.constantFrom('a repository', 'no word of one', 'one that is not there', 'no name')

const mount = fc.tuple(number, number, number, source, fc.boolean()).map(([at, what, from, kind, login]) =>
  command(`mount(${at}, ${what}, ${from}, ${kind}, ${login})`, async (world, real) => {
    const target = repositoryAt(world, at)
    const digest = digestAt(world, repositoryAt(world, from), what, UNKNOWN)
    const query = new URLSearchParams({ mount: digest })
    if (kind !== 'no word of one') query.set('from', fromOf(world, from, kind))
    const path = `/v2/${target.name}/blobs/uploads/?${query.toString()}`
    const answer = await real.ask(path, { method: 'POST', login })
    if (!login && !target.isOpen) return assertRefused(answer, 401, 'UNAUTHORIZED')
    // Other worlds may have made up the same few bytes.
    const isElsewhere = (world.contents.get(digest)?.length ?? 9) < 9 && answer.status === 201
    const mayBeHad =
      isElsewhere || world.repositories.some(({ blobs, isOpen }) => blobs.has(digest) && (login || isOpen))
    assert.equal(answer.status, mayBeHad ? 201 : 202)
    if (mayBeHad) target.blobs.add(digest)
  }),
)

function fromOf(world: World, at: number, kind: string): string {
  if (kind === 'no name') return '../Not/A/Name'
  return kind === 'a repository' ? repositoryAt(world, at).name : 'made/up'
}

const refused = fc.tuple(number, fc.constantFrom('PATCH', 'PUT', 'GET', 'DELETE')).map(([at, method]) =>
  command(`no session(${at}, ${method})`, async (world, real) => {
    const { name } = repositoryAt(world, at)
    const query = method === 'PUT' ? `?digest=${UNKNOWN}` : ''
    const path = `/v2/${name}/blobs/uploads/00000000-0000-4000-8000-000000000000${query}`
    const answer = await real.ask(path, { method, ...(method === 'PATCH' ? { body: 'x' } : {}) })
    assert.equal(codeOf(answer), 'BLOB_UPLOAD_UNKNOWN')
  }),
)

export const UPLOAD_COMMANDS: fc.Arbitrary<Command>[] = [
  start,
  append,
  append,
  finish,
  finish,
  status,
  cancel,
  whole,
  whole,
  mount,
  refused,
]

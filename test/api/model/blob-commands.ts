// Blobs, as random commands: whole, by ranges, by condition, deleted, with and without a login.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { digestOf } from '../../../src/oci/digest.ts'
import type { Answer } from '../../support/http.ts'
import { assertRefused, type Real } from './real.ts'
import { digestAt, repositoryAt, type World } from './world.ts'

type Command = fc.AsyncCommand<World, Real>
type Range = readonly [first: number | null, last: number | null]

const UNKNOWN = digestOf('nothing that was ever pushed')
const number = fc.nat(1000)
const place = fc.oneof(fc.nat(3000), fc.constantFrom(0, 1, 699_999, 700_000, 2 ** 53))
const range: fc.Arbitrary<Range> = fc.oneof(
  fc.tuple(place, place),
  fc.tuple(place, fc.constant(null)),
  fc.tuple(fc.constant(null), place),
)
const ranges = fc.array(range, { minLength: 1, maxLength: 4 })
const condition = fc.constantFrom('none', 'none', 'if-none-match', 'if-range right', 'if-range wrong')

const get = fc
  .tuple(number, number, fc.option(ranges), condition, fc.boolean())
  .map(([at, what, asked, when, login]): Command => ({
    check: () => true,
    toString: () => `get(${at}, ${what}, ${asked && headerOf(asked)}, ${when}, ${login})`,
    run: async (world, real) => {
      const repository = repositoryAt(world, at)
      const digest = digestAt(world, repository, what, UNKNOWN)
      const headers = {
        ...(asked === null ? {} : { range: headerOf(asked) }),
        ...(when === 'if-none-match' ? { 'if-none-match': `"${digest}"` } : {}),
        ...(when.startsWith('if-range')
          ? { 'if-range': `"${when.endsWith('right') ? digest : UNKNOWN}"` }
          : {}),
      }
      const path = `/v2/${repository.name}/blobs/${digest}`
      const [answer, head] = [
        await real.ask(path, { headers, login }),
        await real.ask(path, { headers, method: 'HEAD', login }),
      ]
      if (!login && !repository.isOpen) return assertRefused(answer, 401, 'UNAUTHORIZED')
      const bytes = repository.blobs.has(digest) ? world.contents.get(digest) : undefined
      const isKnown = bytes !== undefined && when === 'if-none-match'
      assert.equal(head.status, isKnown ? 304 : bytes ? 200 : 404)
      if (!bytes) return assertRefused(answer, 404, 'BLOB_UNKNOWN')
      assert.equal(answer.headers['docker-content-digest'] ?? digest, digest)
      if (isKnown) return assert.equal(answer.status, 304)
      assert.equal(head.headers['content-length'], String(bytes.length))
      const isWhole = asked === null || (when === 'if-range wrong' && digest !== UNKNOWN)
      assertContent(answer, bytes, isWhole ? undefined : asked)
    },
  }))

function headerOf(asked: readonly Range[]): string {
  return `bytes=${asked.map(([first, last]) => `${first ?? ''}-${last ?? ''}`).join(', ')}`
}

/** RFC 9110 §14, once more and as plainly as it can be said. */
function assertContent(answer: Answer, bytes: Buffer, asked: readonly Range[] | undefined): void {
  const parts = asked?.map((each) => partOf(each, bytes.length)).filter((part) => part !== undefined)
  if (parts?.length === 0) {
    assert.equal(answer.headers['content-range'], `bytes */${bytes.length}`)
    assert.equal(answer.headers['content-length'], String(answer.body.length))
    return assertRefused(answer, 416, 'RANGE_INVALID')
  }
  const total = parts?.reduce((sum, [start, end]) => sum + end - start + 1, 0) ?? 0
  const [only, second] = parts ?? []
  if (only === undefined || (second !== undefined && total > bytes.length)) {
    assert.equal(answer.status, 200)
    return assert.ok(answer.body.equals(bytes))
  }
  assert.equal(answer.status, 206)
  assert.equal(answer.headers['content-length'], String(answer.body.length))
  if (second === undefined) {
    assert.equal(answer.headers['content-range'], `bytes ${only[0]}-${only[1]}/${bytes.length}`)
    return assert.ok(answer.body.equals(bytes.subarray(only[0], only[1] + 1)))
  }
  const found = partsOf(answer)
  assert.deepEqual(
    found.map(([contentRange]) => contentRange),
    parts?.map(([start, end]) => `bytes ${start}-${end}/${bytes.length}`),
  )
  for (const [at, [start, end]] of (parts ?? []).entries())
    assert.ok(found[at]?.[1].equals(bytes.subarray(start, end + 1)))
}

function partOf([first, last]: Range, size: number): [number, number] | undefined {
  const start = first ?? Math.max(0, size - (last ?? 0))
  const end = first === null || last === null ? size - 1 : Math.min(last, size - 1)
  return start < size && start <= end ? [start, end] : undefined
}

/** The parts of a multipart/byteranges body: `Content-Range` and bytes. */
function partsOf(answer: Answer): [string, Buffer][] {
  const boundary = /^multipart\/byteranges; boundary=(\S+)$/.exec(answer.headers['content-type'] ?? '')?.[1]
  assert.ok(boundary, 'several ranges come as multipart/byteranges')
  const text = answer.body.toString('latin1')
  assert.ok(text.endsWith(`\r\n--${boundary}--\r\n`))
  const pieces = text.slice(0, -`\r\n--${boundary}--\r\n`.length).split(`\r\n--${boundary}\r\n`)
  return pieces.slice(1).map((piece) => {
    const end = piece.indexOf('\r\n\r\n')
    const contentRange = /^Content-Range: (.*)$/m.exec(piece.slice(0, end))?.[1]
    return [contentRange?.trim() ?? '', Buffer.from(piece.slice(end + 4), 'latin1')]
  })
}

const remove = fc.tuple(number, number).map(([at, what]): Command => ({
  check: () => true,
  toString: () => `delete blob(${at}, ${what})`,
  run: async (world, real) => {
    const repository = repositoryAt(world, at)
    const digest = digestAt(world, repository, what, UNKNOWN)
    const answer = await real.ask(`/v2/${repository.name}/blobs/${digest}`, { method: 'DELETE' })
    if (!repository.blobs.delete(digest)) return assertRefused(answer, 404, 'BLOB_UNKNOWN')
    assert.equal(answer.status, 202)
  },
}))

const malformed = fc
  .constantFrom(
    ['GET', 'NAME/blobs/sha256:abc', 'DIGEST_INVALID'],
    ['GET', `NAME/blobs/md5:${'0'.repeat(32)}`, 'DIGEST_INVALID'],
    ['HEAD', 'NAME/blobs/sha256:abc', ''],
    ['GET', 'UPPER/Case/manifests/latest', 'NAME_INVALID'],
    ['GET', 'a//b/manifests/latest', 'NAME_INVALID'],
    ['GET', '..%2f..%2fetc/manifests/latest', 'NAME_INVALID'],
    ['GET', 'NAME/manifests/.hidden', 'TAG_INVALID'],
    ['PUT', 'NAME/manifests/a%2fb', 'TAG_INVALID'],
    ['GET', `NAME/manifests/${'x'.repeat(129)}`, 'TAG_INVALID'],
    ['GET', 'NAME/referrers/latest', 'DIGEST_INVALID'],
    ['GET', 'NAME/tags/list?n=-1', 'PAGINATION_NUMBER_INVALID'],
    ['POST', 'NAME/blobs/uploads/?mount=sha256:abc', 'DIGEST_INVALID'],
    ['POST', 'NAME/blobs/uploads/?digest-algorithm=md5', 'UNSUPPORTED'],
    ['GET', 'NAME/nothing/here', 'UNSUPPORTED'],
    ['POST', 'NAME/tags/list', 'UNSUPPORTED'],
  )
  .map(([method = '', path = '', code = '']): Command => ({
    check: () => true,
    toString: () => `malformed(${method} ${path})`,
    run: async (world, real) => {
      const answer = await real.ask(`/v2/${path.replace('NAME', repositoryAt(world, 0).name)}`, { method })
      if (code === '') return assert.equal(answer.status, 400)
      assert.equal(answer.json<{ errors: { code: string }[] }>().errors[0]?.code, code)
    },
  }))

export const BLOB_COMMANDS: fc.Arbitrary<Command>[] = [get, get, remove, malformed]

import assert from 'node:assert/strict'
import { chmod, mkdir, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { auditLine, openAuditLog, type AuditLog, type AuditRecord } from '../../src/telemetry/audit-log.ts'
import { RotatedFile } from '../../src/telemetry/rotated-file.ts'
import { temporaryFolder, type Scope } from '../support/scope.ts'
import { until } from '../support/until.ts'

const unexpected = (cause: unknown): never => {
  throw new Error('this should not be called', { cause })
}

const RECORD: AuditRecord = {
  client: '192.0.2.1',
  user: 'alice',
  credential: 'bearer',
  account: 'htpasswd:alice',
  action: 'push',
  repository: 'team/app',
  reference: '1.0',
  digest: undefined,
  scopes: undefined,
  decision: 'allow',
  rule: 2,
  line: 31,
  status: 201,
  code: undefined,
}

test('a line is JSON with everything that is known, and nothing that is not', () => {
  const { digest: _, scopes: __, code: ___, rule: ____, ...known } = RECORD
  assert.deepEqual(JSON.parse(auditLine(RECORD, Date.UTC(2026, 10, 22, 1, 2, 3, 4))), {
    time: '2026-11-22T01:02:03.004Z',
    msg: 'audit',
    ...known,
    rule: 'access[2]',
  })
  const scopes = ['repository:a:pull', 'registry:catalog:*']
  assert.deepEqual((JSON.parse(auditLine({ ...RECORD, scopes }, 0)) as { scopes: unknown }).scopes, scopes)
})

test('whatever a client sends stays one line of valid JSON', () => {
  const text = fc.string({ unit: 'binary' })
  fc.assert(
    fc.property(text, text, text, (user, reference, action) => {
      const line = auditLine({ ...RECORD, user, reference, action }, 0)
      assert.equal(line.indexOf('\n'), line.length - 1)
      const read = JSON.parse(line) as { user: string; reference: string; action: string }
      assert.deepEqual([read.user, read.reference, read.action], [user, reference, action])
    }),
  )
})

test('pulls that are allowed can be left out, those that are refused can not', async (t) => {
  const { audit, path } = await opened(t, { pulls: false })
  audit.record({ ...RECORD, action: 'pull', repository: 'allowed' })
  audit.record({ ...RECORD, action: 'pull', repository: 'refused', decision: 'deny' })
  audit.record(RECORD)
  await audit.close()
  const lines = (await readFile(path, 'utf8')).trim().split('\n')
  assert.deepEqual(
    lines.map((line) => (JSON.parse(line) as AuditRecord).repository),
    ['refused', 'team/app'],
  )
})

test('rotation loses no line and tears none', async (t) => {
  const { audit, path } = await opened(t, { maxBytes: 1024 * 1024, keep: 100 })
  const count = 30_000
  for (let index = 0; index < count; index += 1) {
    audit.record({ ...RECORD, reference: String(index) })
    if (index % 500 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  await audit.close()
  const names = await readdir(join(path, '..'))
  assert.ok(names.length > 3, `${names.length} files`)
  const ages = names.map((name) => Number(name.slice('audit.log.'.length) || 0)).toSorted((a, b) => b - a)
  const seen: string[] = []
  for (const age of ages) {
    const file = age === 0 ? path : `${path}.${age}`
    assert.ok((await stat(file)).size <= 1024 * 1024)
    const lines = (await readFile(file, 'utf8')).split('\n').slice(0, -1)
    seen.push(...lines.map((line) => String((JSON.parse(line) as AuditRecord).reference)))
  }
  assert.deepEqual(
    seen,
    Array.from({ length: count }, (_, index) => String(index)),
  )
})

test('as many older files are kept as was asked for', async (t) => {
  const folder = await temporaryFolder(t)
  const file = await RotatedFile.open({ path: join(folder, 'a'), maxBytes: 4, keep: 2, onError: unexpected })
  for (const line of ['11\n', '22\n', '33\n', '44\n']) await file.write(Buffer.from(line))
  await file.close()
  assert.deepEqual((await readdir(folder)).toSorted(), ['a', 'a.1', 'a.2'])
  const texts = await Promise.all(['a.2', 'a.1', 'a'].map((name) => readFile(join(folder, name), 'utf8')))
  assert.deepEqual(texts, ['22\n', '33\n', '44\n'])
})

test('a file that is there is gone on with, and nobody else can read it', async (t) => {
  const path = join(await temporaryFolder(t), 'logs', 'audit.log')
  const options = { path, maxBytes: 1024, keep: 1, onError: unexpected }
  for (const line of ['1\n', '2\n']) {
    const file = await RotatedFile.open(options)
    await file.write(Buffer.from(line))
    await file.close()
  }
  assert.equal(await readFile(path, 'utf8'), '1\n2\n')
  assert.equal((await stat(path)).mode & 0o077, 0)
})

test('after a reopen the lines go to the path, and what was moved away keeps its own', async (t) => {
  const { audit, path } = await opened(t)
  audit.record({ ...RECORD, reference: 'before' })
  await until('the line is there', async () => (await readFile(path, 'utf8')).includes('before'))
  await rename(path, `${path}-moved`)
  audit.reopen()
  audit.record({ ...RECORD, reference: 'after' })
  await audit.close()
  assert.match(await readFile(`${path}-moved`, 'utf8'), /before/)
  assert.doesNotMatch(await readFile(`${path}-moved`, 'utf8'), /after/)
  assert.match(await readFile(path, 'utf8'), /after/)
})

test('where no new file can be begun, lines go on in the old one, and it is told once', async (t) => {
  const folder = await temporaryFolder(t)
  const errors: unknown[] = []
  const options = { maxBytes: 4, keep: 1, onError: (error: unknown) => void errors.push(error) }
  const file = await RotatedFile.open({ path: join(folder, 'a'), ...options })
  // A folder in the place of the older file can not be replaced by a file.
  await mkdir(join(folder, 'a.1'))
  await writeFile(join(folder, 'a.1', 'x'), '')
  for (const line of ['11\n', '22\n', '33\n']) await file.write(Buffer.from(line))
  await file.close()
  assert.equal(await readFile(join(folder, 'a'), 'utf8'), '11\n22\n33\n')
  assert.equal(errors.length, 1)
})

test('a file that can not be written is refused at the start', async (t) => {
  const folder = await temporaryFolder(t)
  await writeFile(join(folder, 'file'), '')
  await chmod(join(folder, 'file'), 0o400)
  await assert.rejects(openAuditLog({ ...OPTIONS, file: join(folder, 'file', 'audit.log') }), {
    message: /the audit file cannot be written: /,
  })
})

const OPTIONS = { maxBytes: 1024 * 1024, keep: 3, pulls: true, line: unexpected, onError: unexpected }

async function opened(
  t: Scope,
  options: { maxBytes?: number; keep?: number; pulls?: boolean } = {},
): Promise<{ audit: AuditLog; path: string }> {
  const path = join(await temporaryFolder(t), 'audit.log')
  return { audit: await openAuditLog({ ...OPTIONS, ...options, file: path }), path }
}

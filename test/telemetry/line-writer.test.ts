import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { LineWriter } from '../../src/telemetry/line-writer.ts'
import { temporaryFolder } from '../support/scope.ts'
import { until } from '../support/until.ts'

const MODULE = fileURLToPath(new URL('../../src/telemetry/line-writer.ts', import.meta.url))

test('every line arrives once and in order, however fast they come', async (t) => {
  const path = join(await temporaryFolder(t), 'log')
  const file = await open(path, 'w')
  const writer = new LineWriter(file.fd)
  const lines = Array.from({ length: 20_000 }, (_, index) => `line ${index} ${'x'.repeat(index % 200)} é\n`)
  for (const line of lines) writer.write(line)
  await writer.flush()
  await file.close()
  assert.equal(await readFile(path, 'utf8'), lines.join(''))
})

test('a single line is written without another one to push it', async (t) => {
  const path = join(await temporaryFolder(t), 'log')
  const file = await open(path, 'w')
  t.after(() => file.close())
  new LineWriter(file.fd).write('alone\n')
  await until('the line is there', async () => (await readFile(path, 'utf8')) === 'alone\n')
})

test('a reader that is slow gets everything', async () => {
  const script = `import { LineWriter } from ${JSON.stringify(MODULE)}
    const writer = new LineWriter(1)
    for (let index = 0; index < 5000; index++) writer.write(index + ' ' + 'y'.repeat(500) + '\\n')
    await writer.flush()`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  child.stdout.setEncoding('utf8')
  for await (const chunk of child.stdout as AsyncIterable<string>) {
    text += chunk
    await new Promise((resolve) => setImmediate(resolve))
  }
  assert.equal(text.split('\n').length, 5001)
  assert.ok(text.endsWith(`4999 ${'y'.repeat(500)}\n`))
  if (child.exitCode === null) await once(child, 'exit')
})

test('a log that nobody reads any more does not end the process', async () => {
  const script = `import { LineWriter } from ${JSON.stringify(MODULE)}
    const writer = new LineWriter(1)
    for (let index = 0; index < 5000; index++) writer.write('z'.repeat(500) + '\\n')
    await writer.flush()
    process.stderr.write('alive')`
  const command = `${process.execPath} --input-type=module -e "$SCRIPT" | true`
  const { stderr } = await promisify(execFile)('bash', ['-c', command], {
    env: { ...process.env, SCRIPT: script },
  })
  assert.equal(stderr, 'alive')
})

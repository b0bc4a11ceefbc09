// A start reads what the configuration asks for: a client of Redis, of a directory or of upstreams is large, and nobody waits
// for one that is not used.
import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { pathToFileURL } from 'node:url'
import { ROOT, startGateway } from '../support/gateway.ts'
import { temporaryFolder } from '../support/scope.ts'

const NOTE_LOADED = pathToFileURL(join(ROOT, 'test/support/note-loaded.ts')).href
const LARGE = [
  'http-proxy',
  'ioredis',
  'ldapts',
  'node-forge',
  'pg',
  'pino-pretty',
  'undici',
  '@peculiar/x509',
]
/** Node's own client, for `fetch`. */
const NODE_UNDICI = 'internal/deps/undici/undici'

test('the bundled registry starts without the clients of anything else', async (t) => {
  const folder = await temporaryFolder(t)
  // The local CA is made once.
  await loadedBy(t, folder, {})
  assert.deepEqual(await loadedBy(t, folder, {}), [])
})

test('an upstream brings its client along', async (t) => {
  const folder = await temporaryFolder(t)
  const core = { url: 'http://127.0.0.1:9' }
  const loaded = await loadedBy(t, folder, {
    upstreams: { core },
    repositories: { 'old/**': { proxy: 'core' }, '**': { store: 'main' } },
  })
  assert.deepEqual(loaded, ['http-proxy', 'node-forge', 'undici', '@peculiar/x509', NODE_UNDICI])
})

/** Which of the large ones, of a start and its end. */
async function loadedBy(
  t: TestContext,
  folder: string,
  config: Readonly<Record<string, unknown>>,
): Promise<string[]> {
  const notes = await temporaryFolder(t)
  const env = { NOTE_LOADED: notes, NODE_OPTIONS: `--import=${NOTE_LOADED}` }
  const { program } = await startGateway(t, { folder, config, env })
  await program.stop()
  const names = await readdir(notes)
  assert.notEqual(names.length, 0)
  const texts = await Promise.all(names.map((name) => readFile(join(notes, name), 'utf8')))
  const loaded = texts.join('\n')
  const packages = LARGE.filter((name) => loaded.includes(`/node_modules/${name}/`))
  return loaded.includes(NODE_UNDICI) ? [...packages, NODE_UNDICI] : packages
}

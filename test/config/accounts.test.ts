import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { ConfigError } from '../../src/config/config-error.ts'
import { loadConfig } from '../../src/config/load.ts'
import { temporaryFolder, type Scope } from '../support/scope.ts'

const URL_OF_DATABASE = 'postgres://dockgate@db.example.com/dockgate'

test('tokens are kept in a file of the working directory unless the configuration says otherwise', async (t) => {
  const { cwd, load } = await setUp(t)
  assert.deepEqual((await load(undefined)).auth.accounts, {
    isConfigured: false,
    kind: 'file',
    file: join(cwd, 'data/accounts.db'),
  })
  assert.deepEqual((await load({ file: 'tokens.db' })).auth.accounts, {
    isConfigured: true,
    kind: 'file',
    file: join(cwd, 'tokens.db'),
  })
})

test('Postgres takes the place of the file', async (t) => {
  const { cwd, load } = await setUp(t)
  await writeFile(join(cwd, 'secret'), 'secret\n')
  const { accounts } = (await load({ postgres: { url: URL_OF_DATABASE, passwordFile: 'secret' } })).auth
  assert.deepEqual(accounts, {
    isConfigured: true,
    kind: 'postgres',
    url: URL_OF_DATABASE,
    passwordFile: join(cwd, 'secret'),
    caFile: undefined,
  })
})

test('two places, two passwords, a missing file and another kind of URL are refused', async (t) => {
  const { problems } = await setUp(t)
  const url = URL_OF_DATABASE
  assert.match(await problems({ file: 'a.db', postgres: { url } }), /leave one out/)
  assert.match(
    await problems({ postgres: { url: 'mysql://db/dockgate' } }),
    /must be a URL such as postgres:/,
  )
  assert.match(await problems({ postgres: { url, passwordFile: 'none' } }), /none does not exist/)
  assert.match(await problems({ postgres: { url, ca: 'none' } }), /none does not exist/)
  const both = { url: url.replace('@', ':secret@'), passwordFile: 'dockgate.yml' }
  const message = await problems({ postgres: both })
  assert.match(message, /leave one out/)
  assert.doesNotMatch(message, /secret/)
})

async function setUp(t: Scope) {
  const cwd = await temporaryFolder(t)
  const load = async (accounts: object | undefined) => {
    const config = {
      auth: { accounts },
      repositories: { '**': { store: 'main' } },
      stores: { main: { filesystem: { root: 'data' } } },
    }
    await writeFile(join(cwd, 'dockgate.yml'), JSON.stringify(config)) // JSON is YAML
    return loadConfig('dockgate.yml', {}, { cwd })
  }
  const problems = async (accounts: object) => {
    const error: unknown = await load(accounts).catch((failure: unknown) => failure)
    assert.ok(error instanceof ConfigError)
    return error.message
  }
  return { cwd, load, problems }
}

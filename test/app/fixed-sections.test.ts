import assert from 'node:assert/strict'
import { join } from 'node:path'
import { writeFile } from 'node:fs/promises'
import { test, type TestContext } from 'node:test'
import { fixedSections } from '../../src/app/fixed-sections.ts'
import type { Config } from '../../src/config/config.ts'
import { loadConfig } from '../../src/config/load.ts'
import { temporaryFolder } from '../support/scope.ts'

const REST = {
  repositories: { '**': { store: 'main' } },
  stores: { main: { filesystem: { root: 'data' } } },
}

async function configOf(t: TestContext, sections: object): Promise<Config> {
  const file = join(await temporaryFolder(t), 'dockgate.yml')
  // JSON is YAML.
  await writeFile(file, JSON.stringify({ ...REST, ...sections }))
  return { ...(await loadConfig(file, {})), file: undefined }
}

const rule = { issuer: 'https://issuer.test', audience: 'registry.test' }

test('what a reload takes over is not told', async (t) => {
  const running = await configOf(t, { auth: { token: { key: 'a.key', certificate: 'a.crt' } } })
  const next = await configOf(t, {
    access: [{ repositories: ['**'], pull: ['@ops'] }],
    auth: { groups: { ops: ['alice'] }, oidc: [rule], token: { key: 'b.key', certificate: 'b.crt' } },
  })
  assert.deepEqual(fixedSections(running, next, true), [])
})

test('what needs a restart is told in the words of the file', async (t) => {
  const running = await configOf(t, {})
  const next = await configOf(t, {
    hideRepositories: true,
    shutdownGrace: '5s',
    limits: { idleTimeout: '1m' },
    auth: { throttle: 'off', token: { ttl: '10m' } },
  })
  assert.deepEqual(fixedSections(running, next, true), [
    'hideRepositories',
    'limits',
    'shutdownGrace',
    'auth.throttle',
    'auth.token',
  ])
  assert.deepEqual(fixedSections(running, await configOf(t, { auth: { token: 'off' } }), true), [
    'auth.token',
  ])
})

test('rules about ID tokens need a restart where nobody could log in before', async (t) => {
  const [running, next] = [await configOf(t, {}), await configOf(t, { auth: { oidc: [rule] } })]
  assert.deepEqual(fixedSections(running, next, false), ['auth.oidc'])
})

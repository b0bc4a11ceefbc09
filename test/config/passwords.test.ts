import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { load, MINIMAL, problems } from './config-folder.ts'

const FILES = { files: { 'a.htpasswd': '', 'b.htpasswd': '' } }

test('password files are one, or a list with a realm for each', async (t) => {
  const none = await load(t, MINIMAL)
  assert.deepEqual(none.config.auth.htpasswd, [])
  const one = await load(t, `auth: { htpasswd: { file: a.htpasswd, upgrade: true } }\n${MINIMAL}`, FILES)
  assert.deepEqual(one.config.auth.htpasswd, [
    {
      file: join(one.cwd, 'a.htpasswd'),
      upgrade: true,
      backend: 'htpasswd',
      realm: undefined,
      hosts: undefined,
      repositories: undefined,
    },
  ])
  const list = `auth:
  htpasswd:
    - { file: a.htpasswd }
    - { file: b.htpasswd, realm: Team B, hosts: [b.test], repositories: ['team-b/**'] }
`
  const several = await load(t, list + MINIMAL, FILES)
  const [first, second] = several.config.auth.htpasswd
  assert.equal(first?.backend, 'htpasswd')
  assert.deepEqual(second, {
    file: join(several.cwd, 'b.htpasswd'),
    upgrade: false,
    backend: 'htpasswd:Team B',
    realm: 'Team B',
    hosts: ['b.test'],
    repositories: ['team-b/**'],
  })
})

test('password files that can not be told apart, or speak of nothing, are refused', async (t) => {
  const yaml = `auth:
  htpasswd:
    - { file: a.htpasswd, realm: A }
    - { file: b.htpasswd, realm: A, repositories: [Team/**, '\${user}/**'] }
    - { file: b.htpasswd }
    - { file: c.htpasswd }
    - { file: b.htpasswd, realm: '"', hosts: [] }
${MINIMAL}`
  const found = await problems(t, yaml, FILES)
  assert.deepEqual(found, [
    `c.yml:7:27: auth.htpasswd[4].realm: must be 1 to 64 letters, digits, spaces, . _ or -`,
    `c.yml:7:39: auth.htpasswd[4].hosts: must not be empty`,
  ])
  assert.deepEqual(await problems(t, yaml.replace(/^.*'"'.*\n/m, ''), FILES), [
    'c.yml:4:27: auth.htpasswd[1].realm: is the realm of an earlier file',
    'c.yml:4:52: auth.htpasswd[1].repositories[0]: repository names are in lower case',
    'c.yml:4:61: auth.htpasswd[1].repositories[1]: ${user} is for grants only',
    'c.yml:6:7: auth.htpasswd[3]: needs a realm: an earlier file has none',
    'c.yml:6:9: auth.htpasswd[3].file: c.htpasswd does not exist',
  ])
})

test('failed logins are slowed down unless the file says off', async (t) => {
  const throttleOf = async (yaml: string) => (await load(t, yaml + MINIMAL)).config.auth.throttle
  assert.deepEqual(await throttleOf(''), { freeFailures: 5, firstDelayMs: 1000, maxDelayMs: 300_000 })
  assert.equal(await throttleOf('auth: { throttle: off }\n'), undefined)
  const written = 'auth: { throttle: { failures: 3, delay: 10m } }\n'
  assert.deepEqual(await throttleOf(written), {
    freeFailures: 3,
    firstDelayMs: 600_000,
    maxDelayMs: 600_000,
  })
  const bad = `auth: { throttle: { failures: 0, delay: 0s, maxDelay: 2d } }\n${MINIMAL}`
  assert.deepEqual(await problems(t, bad), [
    'c.yml:1:21: auth.throttle.failures: must be at least 1',
    'c.yml:1:34: auth.throttle.delay: must be more than nothing, and at most 1d',
    'c.yml:1:45: auth.throttle.maxDelay: must be more than nothing, and at most 1d',
  ])
})

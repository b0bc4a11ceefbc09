import assert from 'node:assert/strict'
import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { ConfigError } from '../../src/config/config-error.ts'
import { loadConfig } from '../../src/config/load.ts'
import { temporaryFolder } from '../support/scope.ts'
import { load, MINIMAL, problems } from './config-folder.ts'

test('without a file, the built-in defaults mirror Docker Hub and let the admin account do everything', async (t) => {
  const cwd = await temporaryFolder(t)
  const config = await loadConfig(undefined, {}, { cwd })
  assert.deepEqual(config.listen, [
    {
      address: { host: undefined, port: 5443 },
      tls: { kind: 'auto', folder: join(cwd, 'certs'), names: [] },
      redirectToHttps: false,
      clientCas: undefined,
    },
  ])
  assert.deepEqual(config.admin.address, { host: '127.0.0.1', port: 9090 })
  assert.deepEqual(
    config.auth.htpasswd.map(({ file }) => file),
    [join(cwd, 'config/htpasswd')],
  )
  assert.equal(config.auth.token?.ttlMs, 300_000)
  assert.deepEqual(
    config.access.flatMap(({ delete: deleting, ...grant }) => [
      grant.pull,
      grant.push,
      deleting,
      grant.catalog,
      grant.admin,
    ]),
    [
      [['$authenticated'], [], [], [], []],
      [['admin'], ['admin'], ['admin'], [], []],
      [[], [], [], ['admin'], ['admin']],
    ].flat(),
  )
  assert.deepEqual(config.repositories, [
    {
      pattern: 'docker.io/**',
      prefix: 'docker.io/',
      kind: 'mirror',
      upstream: 'hub',
      store: 'mirror',
      overlay: undefined,
      tagTtl: { rules: [], defaultMs: 172_800_000 },
      negativeTtlMs: 2_000,
      staleWhileRevalidateMs: 0,
      staleIfErrorMs: Infinity,
      hold: undefined,
      asOf: undefined,
      rewrite: { from: 'docker.io/', to: '' },
    },
    { pattern: '**', prefix: '', kind: 'store', store: 'main' },
  ])
})

test('the example configuration loads where its password file exists', async (t) => {
  const cwd = await temporaryFolder(t)
  await mkdir(join(cwd, 'config'))
  await copyFile('config/dockgate.example.yml', join(cwd, 'config/dockgate.yml'))
  await writeFile(join(cwd, 'config/htpasswd'), '')
  const config = await loadConfig('config/dockgate.yml', {}, { cwd })
  assert.deepEqual(
    config.repositories.map(({ pattern }) => pattern),
    ['docker.io/**', 'ghcr.io/**', 'legacy/**', '**'],
  )
})

test('durations become milliseconds, sizes bytes, paths absolute, names maps', async (t) => {
  const { config, cwd } = await load(
    t,
    `
publicUrl: https://Registry.example.com/
listen: [{ address: "[::1]:5000", tls: { certificate: a.crt, key: /k } }, { address: "127.0.0.1:0", redirectTo: https }]
auth: { token: { ttl: 90s }, groups: { ops: [alice, "ldap:bob"] } }
upstreams: { hub: { url: "https://registry-1.docker.io/", namespace: docker.io, username: acme, passwordFile: secret } }
repositories:
  "**": { store: main }
  "docker.io/**": { mirror: hub, store: mirror, tagTtl: { "v*": 60d, v1: 1h, latest: 10m } }
  "old/**": { proxy: hub, rewrite: new/place }
stores: { main: { filesystem: { root: data } }, mirror: { filesystem: { root: /m } } }
cache: { memory: 2MiB }
shutdownGrace: 500ms
`.replace('/k }', 'a.key }'),
    { files: { 'a.crt': '', 'a.key': '', secret: 'sesame\n' } },
  )
  assert.equal(config.publicUrl, 'https://registry.example.com')
  assert.deepEqual(config.listen, [
    {
      address: { host: '::1', port: 5000 },
      tls: { kind: 'files', certificateFile: join(cwd, 'a.crt'), keyFile: join(cwd, 'a.key') },
      redirectToHttps: false,
      clientCas: undefined,
    },
    { address: { host: '127.0.0.1', port: 0 }, tls: undefined, redirectToHttps: true, clientCas: undefined },
  ])
  assert.deepEqual(config.auth.token, {
    service: 'registry.example.com',
    issuer: 'dockgate',
    ttlMs: 90_000,
    keyFile: join(cwd, 'certs/token.key'),
    previousKeyFiles: [],
    certificateFile: undefined,
    realm: undefined,
    refresh: { ttlMs: 30 * 24 * 3600_000, maxPerAccount: 100 },
  })
  assert.deepEqual(config.auth.groups.get('ops'), ['alice', 'ldap:bob'])
  assert.equal(config.upstreams.get('hub')?.url, 'https://registry-1.docker.io')
  assert.deepEqual(config.upstreams.get('hub')?.credentials, {
    kind: 'password',
    username: 'acme',
    password: undefined,
    passwordFile: join(cwd, 'secret'),
  })
  const [mirror, proxy] = config.repositories
  assert.deepEqual(mirror?.kind === 'mirror' && mirror.tagTtl, {
    rules: [
      { tags: 'latest', ttlMs: 600_000 },
      { tags: 'v1', ttlMs: 3_600_000 },
      { tags: 'v*', ttlMs: 5_184_000_000 },
    ],
    defaultMs: 172_800_000,
  })
  assert.deepEqual(proxy?.kind === 'proxy' && proxy.rewrite, { from: 'old/', to: 'new/place/' })
  assert.equal(config.stores.get('mirror')?.filesystem.root, '/m')
  assert.equal(config.cache.memoryBytes, 2_097_152)
  assert.equal(config.shutdownGraceMs, 500)
})

test('everything that is wrong is told at once, in the order of the file, with the nearest known word', async (t) => {
  const yaml = `listen:
  - adress: ":443"
    tls: { certificate: a.crt, kee: a.key }
  - address: ":80"
    redirectTo: htps
workers: 400
publicUrl: https://registry.example.com/v2
auth:
  token: { ttl: 5 }
  groups: { ops: [alice, "@x"] }
access:
  - repositories: ["team/**"]
    pull: [alice]
    pul: [bob]
repositories:
  "**": { stor: main }
stores:
  main: { filesystem: { root: data }, maxSize: 3KiB, delete: maybe }
logging: { format: jsn }
cache: { memory: 64 MB, redis: { url: "http://127.0.0.1" } }
`
  assert.deepEqual(await problems(t, yaml), [
    'c.yml:2:5: listen[0].address: is missing',
    'c.yml:2:5: listen[0].adress: unknown key; did you mean "address"?',
    'c.yml:3:5: listen[0].tls.key: is missing',
    'c.yml:3:32: listen[0].tls.kee: unknown key; did you mean "key"?',
    'c.yml:5:5: listen[1].redirectTo: must be "https"',
    'c.yml:6:1: workers: must be auto, or a number from 1 to 64',
    'c.yml:7:1: publicUrl: must be an origin such as https://registry.example.com, without a path',
    'c.yml:9:12: auth.token.ttl: must be a duration such as 500ms, 30s, 10m, 12h or 2d',
    'c.yml:10:26: auth.groups.ops[1]: must be the name of an account: it may not begin with $ or @',
    'c.yml:14:5: access[0].pul: unknown key; did you mean "pull"?',
    'c.yml:16:11: repositories."**".stor: unknown key; did you mean "store"?',
    'c.yml:18:39: stores.main.maxSize: must be at least 1MiB',
    'c.yml:18:54: stores.main.delete: must be true or false',
    'c.yml:19:12: logging.format: must be "auto" or "json" or "pretty"; did you mean "json"?',
    'c.yml:20:10: cache.memory: must be a size such as 512KiB, 64MiB or 200GiB',
    'c.yml:20:34: cache.redis.url: must be a URL such as redis://127.0.0.1:6379/0',
  ])
})

test('the local CA is asked for the names that clients are told', async (t) => {
  const names = `publicUrl: https://registry.example.com:5443\nhosts: { mirror.lan: {} }\n${MINIMAL}`
  const { config } = await load(t, names)
  const tls = config.listen[0]?.tls
  assert.deepEqual(tls?.kind === 'auto' && tls.names, ['registry.example.com', 'mirror.lan'])
})

test('a broken section does not hide that another one means nothing', async (t) => {
  const yaml = `workers: many
access: [{ repositories: ["**"], pull: [$anonymus] }]
repositories: { "**": { store: mian } }
stores: { main: { filesystem: { root: data } } }
`
  assert.deepEqual(await problems(t, yaml), [
    'c.yml:1:1: workers: must be auto, or a number from 1 to 64',
    'c.yml:2:41: access[0].pull[0]: unknown principal "$anonymus"; did you mean "$anonymous"?',
    'c.yml:3:25: repositories."**".store: no store "mian"; did you mean "main"?',
  ])
})

test('what this version does not have, or what means nothing, is refused instead of ignored', async (t) => {
  const yaml = `
listen:
  - { address: ":443", tls: acme, proxyProtocol: true, console: true }
  - { address: ":444", tls: { certificate: a, key: b } }
hosts: { mirror.lan: { lenient: maybe } }
access: [{ from: [10.0.0.0/33], admin: [alice] }, { from: [], admin: [alice] }]
audit: { file: audit.log, maxSize: 1KiB, keep: -1 }
repositories: { "**": { store: main } }
stores: { main: { s3: { bucket: x } } }
`
  assert.deepEqual(await problems(t, yaml), [
    'c.yml:3:24: listen[0].tls: acme is not supported yet',
    'c.yml:3:35: listen[0].proxyProtocol: not supported yet; leave it out',
    'c.yml:3:56: listen[0].console: not supported yet; leave it out',
    'c.yml:5:24: hosts."mirror.lan".lenient: must be true or false',
    'c.yml:6:19: access[0].from[0]: must be an IP address or a range such as 10.0.0.0/8',
    'c.yml:6:53: access[1].from: names no address: nobody comes from there',
    'c.yml:7:27: audit.maxSize: must be at least 1MiB',
    'c.yml:7:42: audit.keep: must be 0 or more',
    'c.yml:9:11: stores.main.filesystem: is missing',
    'c.yml:9:19: stores.main.s3: not supported yet',
  ])
})

test('values of the wrong kind are told what to be', async (t) => {
  const yaml = `
listen: ":443"
auth: { htpasswd: config/htpasswd, token: on }
access: [{ catalog: [1234] }]
hosts: { "Mirror.LAN:443": {} }
upstreams: { "a b": { url: ftp://x }, b: { url: "https://user:pw@example.com" } }
repositories: {}
stores:
shutdownGrace: 30
`
  assert.deepEqual(await problems(t, yaml), [
    'c.yml:2:1: listen: must be a list',
    'c.yml:3:9: auth.htpasswd: must be a mapping with file, or a list of such mappings',
    'c.yml:3:36: auth.token: must be "off" or a mapping',
    'c.yml:4:22: access[0].catalog[0]: must be text; write it in quotes',
    'c.yml:5:10: hosts."Mirror.LAN:443": must be a host name in lower case, without port',
    'c.yml:6:14: upstreams."a b": a name is a letter, then letters, digits, - and _',
    'c.yml:6:44: upstreams.b.url: must be a URL such as https://registry.example.com, without user, query or fragment, or a list of them',
    'c.yml:7:1: repositories: must have at least one repository pattern',
    'c.yml:8:1: stores: must be a mapping',
    'c.yml:9:1: shutdownGrace: must be a duration such as 500ms, 30s, 10m, 12h or 2d',
  ])
})

test('an empty file says what it lacks', async (t) => {
  assert.deepEqual(await problems(t, '# nothing\n'), ['c.yml:1:1: repositories: is missing'])
})

test('broken YAML and duplicate keys are refused with their places', async (t) => {
  assert.deepEqual(await problems(t, 'workers: 1\nworkers: 1\nlisten: [\n'), [
    'c.yml:2:1: Map keys must be unique',
    'c.yml:4:1: Flow sequence in block collection must be sufficiently indented and end with a ]',
  ])
  assert.match(
    (await problems(t, 'access:\n  - pull: [@ops]\n')).join('\n'),
    /c\.yml:2:12: .*write it in quotes, "@group"/,
  )
  assert.match((await problems(t, 'listen: !secret x\n')).join('\n'), /c\.yml:1:9: Unresolved tag: !secret/)
  assert.match((await problems(t, `a: ${'['.repeat(20_000)}`)).join('\n'), /nested too deeply/)
})

test('a file that is missing, a folder, not text or far too large is refused in one line', async (t) => {
  const cwd = await temporaryFolder(t)
  await mkdir(join(cwd, 'folder'))
  await writeFile(join(cwd, 'latin1'), Buffer.from([0x61, 0xff]))
  await writeFile(join(cwd, 'large'), Buffer.alloc(1024 * 1024 + 1, '#'))
  const message = async (file: string) =>
    loadConfig(file, {}, { cwd }).catch((error: unknown) => String(error))
  assert.equal(await message('nowhere.yml'), 'ConfigError: nowhere.yml: the configuration does not exist')
  assert.equal(await message('folder'), 'ConfigError: folder: the configuration is a folder, not a file')
  assert.equal(await message('latin1'), 'ConfigError: latin1: is not UTF-8 text')
  assert.equal(await message('large'), 'ConfigError: large: is too large for a configuration')
})

test('texts are taken from the environment, and what is missing there is refused once', async (t) => {
  const yaml = `publicUrl: _env:URL
shutdownGrace: _env:GRACE:10s
auth: { htpasswd: { file: "_env:EMPTY:default" }, token: { service: "_env:SERVICE:a:b", ttl: _env:TTL } }
logging: { level: _env:bad-name }
${MINIMAL}`
  assert.deepEqual(await problems(t, yaml, { env: { URL: 'https://a.example', EMPTY: '', PATH: '/bin' } }), [
    'c.yml:3:21: auth.htpasswd.file: must be a path',
    'c.yml:3:89: auth.token.ttl: environment variable TTL is not set; set it, or write _env:TTL:default',
    'c.yml:4:12: logging.level: must be written _env:NAME or _env:NAME:default',
  ])
  const good = yaml.replace('_env:bad-name', '_env:LEVEL')
  const env = { URL: 'https://a.example', EMPTY: 'htpasswd', TTL: '2m', LEVEL: 'warn' }
  const { config } = await load(t, good, { env, files: { htpasswd: '' } })
  assert.equal(config.publicUrl, 'https://a.example')
  assert.equal(config.shutdownGraceMs, 10_000)
  assert.equal(config.auth.token?.service, 'a:b')
  assert.equal(config.logging.level, 'warn')
})

test('problems never show a value that may be secret', async (t) => {
  const yaml = `
upstreams: { a: { url: "https://user:sesame@a.example", password: _env:SECRET } }
cache: { redis: { url: "sesame://x" } }
auth: { token: { key: "sesame\\0" } }
${MINIMAL}`
  const lines = await problems(t, yaml, { env: { SECRET: 'sesame' } })
  assert.equal(lines.length, 3)
  assert.doesNotMatch(lines.join('\n'), /sesame/)
})

test('a ConfigError carries each problem for machines too', async (t) => {
  const cwd = await temporaryFolder(t)
  await writeFile(join(cwd, 'c.yml'), 'repositories: 3\n')
  await assert.rejects(loadConfig('c.yml', {}, { cwd }), (error) => {
    assert(error instanceof ConfigError)
    assert.deepEqual(error.problems, [
      { file: 'c.yml', line: 1, column: 1, message: 'repositories: must be a mapping' },
    ])
    return true
  })
})

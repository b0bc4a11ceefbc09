import assert from 'node:assert/strict'
import { copyFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeCertificate } from '../support/certificates.ts'
import { temporaryFolder } from '../support/scope.ts'
import { runCli } from './run-cli.ts'

const GOOD = `
listen:
  - { address: ":443", tls: { certificate: tls.crt, key: tls.key } }
  - { address: ":80", redirectTo: https }
workers: 2
auth: { htpasswd: { file: htpasswd }, token: { ttl: 10m } }
access: [{ repositories: ["**"], pull: [$anonymous], push: [alice] }, { catalog: [alice] }]
upstreams: { hub: { url: "https://registry-1.docker.io", namespace: docker.io, username: u, password: "_env:HUB" } }
repositories: { "docker.io/**": { mirror: hub, store: mirror, tagTtl: { latest: 10m } }, "**": { store: main } }
stores: { main: { filesystem: { root: data/main } }, mirror: { filesystem: { root: /var/mirror }, maxSize: 200GiB, unusedAfter: 90d } }
warmUp: [{ schedule: "0 5 * * *", images: [docker.io/alpine:3.20, team/app:1] }]
`

test('a good configuration is explained in a few lines, without its secrets', async (t) => {
  const cwd = await temporaryFolder(t)
  const { certificate, key } = await makeCertificate(t)
  await copyFile(certificate, join(cwd, 'tls.crt'))
  await copyFile(key, join(cwd, 'tls.key'))
  await writeFile(
    join(cwd, 'htpasswd'),
    'alice:$2y$05$abcdefghijklmnopqrstuuH4nNdG4ENvOZVNtWBGIVmvYkYCmSZsC\nbob:{MD9}x\n',
  )
  await writeFile(join(cwd, 'c.yml'), GOOD)
  const { code, stdout, stderr } = await runCli(cwd, ['check', '--config', 'c.yml'], {
    HUB: 'sesame',
    HTTPS_PROXY: 'http://me:secret@proxy.lan:3128',
  })
  assert.equal(stderr, '')
  assert.deepEqual(stdout.split('\n'), [
    'c.yml is valid:',
    'listens   https://*:443 with tls.crt',
    'listens   http://*:80, sent on to https',
    'admin     http://127.0.0.1:9090 (health, metrics)',
    'logins    2 accounts in htpasswd',
    'logins    htpasswd:2: the password hash is of an unsupported kind; the account can not log in',
    'logins    access tokens kept in data/accounts.db',
    'logins    challenged with Bearer tokens for 10m',
    'logins    slowed down after 5 failures',
    'grants    pull **: $anonymous',
    'grants    push **: alice',
    'grants    catalog: alice',
    'routes    docker.io/** mirrored from https://registry-1.docker.io into store mirror; tags are asked for again after: latest 10m, * 2d',
    'routes    ** kept in store main',
    'upstreams hub: logged in to as u; by the proxy http://proxy.lan:3128',
    'stores    main in data/main',
    'stores    mirror in /var/mirror, at most 200 GiB, what nobody pulled for 90d goes',
    'workers   2 serve clients',
    'warning: warmUp[0].images[1]: team/app is not mirrored: no route of a mirror speaks of it',
    '',
  ])
  assert.equal(code, 0)
})

test('a bad configuration fails with one line for each problem on stderr', async (t) => {
  const cwd = await temporaryFolder(t)
  await writeFile(join(cwd, 'c.yml'), 'repositorys: {}\nworkers: 0\n')
  assert.deepEqual(await runCli(cwd, ['check', '-c', 'c.yml']), {
    code: 1,
    stdout: '',
    stderr: [
      'c.yml:1:1: repositories: is missing',
      'c.yml:1:1: repositorys: unknown key; did you mean "repositories"?',
      'c.yml:2:1: workers: must be auto, or a number from 1 to 64',
      '',
    ].join('\n'),
  })
})

test('with --json, the result can be read by a script', async (t) => {
  const cwd = await temporaryFolder(t)
  await writeFile(join(cwd, 'c.yml'), 'repositories: {\n')
  const bad = await runCli(cwd, ['check', '-c', 'c.yml', '--json'])
  assert.equal(bad.code, 1)
  assert.equal(bad.stderr, '')
  const { valid, problems } = JSON.parse(bad.stdout)
  assert.equal(valid, false)
  assert.deepEqual([problems[0].file, problems[0].line], ['c.yml', 2])
  const good = await runCli(cwd, ['check', '--json'])
  assert.equal(good.code, 0)
  assert.deepEqual(JSON.parse(good.stdout), { valid: true, problems: [], warnings: [] })
})

test('keys and certificates of logins are opened, and none is made', async (t) => {
  const cwd = await temporaryFolder(t)
  const { certificate } = await makeCertificate(t)
  await copyFile(certificate, join(cwd, 'signer.crt'))
  const run = async (auth: object, listener: object = {}, upstreams: object = {}) => {
    const listen = [{ address: ':443', tls: 'auto', ...listener }]
    const stores = { main: { filesystem: { root: 'data' } } }
    // JSON is YAML.
    const repositories = { '**': { store: 'main' } }
    const config = JSON.stringify({ listen, auth, upstreams, repositories, stores })
    await writeFile(join(cwd, 'c.yml'), config)
    return runCli(cwd, ['check', '--config', 'c.yml'])
  }
  const external = (certificates: string) => ({ source: 'gitlab', issuer: 'git', service: 'r', certificates })
  const good = await run({ token: { certificate: 'token.crt' }, externalTokens: [external('signer.crt')] })
  assert.equal(good.stderr, '')
  assert.match(good.stdout, /^logins {4}tokens of git as gitlab:…$/m)
  assert.doesNotMatch(good.stdout, /nobody/)
  const wrong = { token: { key: 'c.yml', previousKeys: ['signer.crt'] }, externalTokens: [external('c.yml')] }
  const core = { url: 'https://core.lan', ca: 'c.yml' }
  const bad = await run(wrong, { clientCas: ['c.yml'] }, { core })
  assert.equal(bad.code, 1)
  assert.deepEqual(bad.stderr.replaceAll(`${cwd}/`, '').trimEnd().split('\n'), [
    'c.yml: the token key c.yml can not be used: it is no private key in PEM form, or has a passphrase',
    'c.yml: the token key signer.crt can not be used: it is no private key in PEM form, or has a passphrase',
    'c.yml: the certificates c.yml can not be used: it holds no certificate',
    'c.yml: c.yml: holds no PEM certificate ("-----BEGIN CERTIFICATE-----")',
    'c.yml: c.yml: holds no PEM certificate ("-----BEGIN CERTIFICATE-----")',
  ])
  assert.deepEqual((await readdir(cwd)).toSorted(), ['c.yml', 'signer.crt'])
})

test('certificates are loaded, not only looked for', async (t) => {
  const cwd = await temporaryFolder(t)
  const { certificate } = await makeCertificate(t)
  await writeFile(join(cwd, 'tls.key'), 'not a key')
  await writeFile(join(cwd, 'htpasswd'), '')
  await copyFile(certificate, join(cwd, 'tls.crt'))
  await writeFile(join(cwd, 'c.yml'), GOOD)
  const { code, stderr } = await runCli(cwd, ['check', '-c', 'c.yml'], { HUB: 'sesame' })
  assert.equal(stderr, `${join(cwd, 'tls.key')}: holds no private key in PEM form\n`)
  assert.equal(code, 1)
})

test('an account that is in no password file is a warning, with the name that may be meant', async (t) => {
  const cwd = await temporaryFolder(t)
  const routes = `
repositories: { "**": { store: main } }
stores: { main: { filesystem: { root: data } } }
`
  const access = `
access:
  - { repositories: ["**"], pull: [$authenticated, "ldap:bob", "@ops"], push: [admn, ops, admin] }
  - { catalog: [authenticated], admin: [zoe] }
`
  await writeFile(
    join(cwd, 'htpasswd'),
    'admin:$2y$05$abcdefghijklmnopqrstuuH4nNdG4ENvOZVNtWBGIVmvYkYCmSZsC\n',
  )
  const check = async (auth: string) => {
    await writeFile(join(cwd, 'c.yml'), `${auth}${access}${routes}`)
    const { code, stdout, stderr } = await runCli(cwd, ['check', '-c', 'c.yml', '--json'])
    assert.deepEqual([code, stderr], [0, ''])
    return JSON.parse(stdout).warnings
  }
  assert.deepEqual(await check('auth: { htpasswd: { file: htpasswd }, groups: { ops: [admin, amdin] } }'), [
    'auth.groups.ops[1]: no account "amdin" in htpasswd; did you mean "admin"?',
    'access[0].push[0]: no account "admn" in htpasswd; did you mean "admin"?',
    'access[0].push[1]: no account "ops" in htpasswd; did you mean "@ops"?',
    'access[1].catalog[0]: no account "authenticated" in htpasswd; did you mean "$authenticated"?',
    'access[1].admin[0]: no account "zoe" in htpasswd',
  ])
  const nobody = await check('auth: { groups: { ops: [] } }')
  assert.equal(nobody.length, 5)
  assert.equal(nobody[2], 'access[0].push[2]: no account "admin" in auth, which has no htpasswd')
})

test('--schema prints a JSON Schema', async (t) => {
  const { code, stdout } = await runCli(await temporaryFolder(t), ['check', '--schema'])
  assert.equal(code, 0)
  assert.equal(JSON.parse(stdout).$schema, 'https://json-schema.org/draft/2020-12/schema')
})

test('a wrong call is exit code 2 and one line; help and version succeed', async (t) => {
  const cwd = await temporaryFolder(t)
  assert.deepEqual(await runCli(cwd, ['chek']), {
    code: 2,
    stdout: '',
    stderr: "error: unknown command 'chek' (Did you mean check?)\n",
  })
  assert.deepEqual(await runCli(cwd, ['check', '--config']), {
    code: 2,
    stdout: '',
    stderr: "error: option '-c, --config <file>' argument missing\n",
  })
  const help = await runCli(cwd, ['serve', '--help'])
  assert.equal(help.code, 0)
  assert.match(help.stdout, /Examples:\n {2}dockgate serve/)
  const version = await runCli(cwd, ['--version'])
  assert.match(version.stdout, /^\d+\.\d+\.\d+\n$/)
  assert.equal(version.code, 0)
})

test('serve refuses a bad configuration before it touches anything', async (t) => {
  const cwd = await temporaryFolder(t)
  assert.deepEqual(await runCli(cwd, ['serve', '-c', 'nowhere.yml']), {
    code: 1,
    stdout: '',
    stderr: 'nowhere.yml: the configuration does not exist\n',
  })
})

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { copyFile, cp, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { digestOf } from '../../src/oci/digest.ts'
import { makeCertificate } from '../support/certificates.ts'
import { MAIN, ROOT, startGateway, writeConfig, writePasswords } from '../support/gateway.ts'
import { open, send } from '../support/http.ts'
import { freePort } from '../support/port.ts'
import { startProcess } from '../support/process.ts'
import { temporaryFolder } from '../support/scope.ts'
import { until } from '../support/until.ts'

const run = promisify(execFile)
const alice = { account: { username: 'alice', password: 'alice-secret' } }
const bob = { account: { username: 'bob', password: 'bob-secret' } }

test('a clone that was started stays clean, has one password for one login, and keeps it over a restart', async (t) => {
  const clone = join(await temporaryFolder(t), 'dockgate')
  await run('git', ['clone', '-q', ROOT, clone])
  // The tree as it stands, which need not be committed yet.
  await rm(join(clone, 'src'), { recursive: true })
  await cp(join(ROOT, 'src'), join(clone, 'src'), { recursive: true })
  await cp(join(ROOT, '.gitignore'), join(clone, '.gitignore'))
  const git = (...args: string[]) => run('git', ['-C', clone, ...args])
  await git('add', '-A')
  await git(
    '-c',
    'user.name=t',
    '-c',
    'user.email=t@example.com',
    'commit',
    '-qm',
    'as it stands',
    '--allow-empty',
  )
  await symlink(join(ROOT, 'node_modules'), join(clone, 'node_modules'))
  const start = () =>
    startProcess(t, process.execPath, {
      args: [join(clone, 'src/cli/main.ts'), 'serve'],
      cwd: clone,
      ready: (program) => program.log().includes('health and metrics on'),
    })
  const first = await start()
  const password = /shown only now:\s+(\S+)/.exec(first.log())?.[1] ?? ''
  assert.ok(password.length >= 20)
  const ca = await readFile(join(clone, 'certs/ca.crt'), 'utf8')
  const login = { ca, account: { username: 'admin', password } }
  assert.equal((await send('https://localhost:5443/v2/', login)).status, 200)
  const status = await git('status', '--porcelain', '--', '.', ':!node_modules')
  assert.equal(status.stdout, '')
  assert.equal((await first.stop()).code, 0)
  const second = await start()
  assert.doesNotMatch(second.log(), /First run/)
  assert.equal((await send('https://localhost:5443/v2/', login)).status, 200)
  assert.equal(await readFile(join(clone, 'certs/ca.crt'), 'utf8'), ca)
})

test('SIGTERM lets a running push end, then the process exits with 0', async (t) => {
  const gateway = await startGateway(t)
  const start = await send(`${gateway.url}/v2/team-a/app/blobs/uploads/`, {
    method: 'POST',
    ca: gateway.ca,
    ...alice,
  })
  const body = new Readable({ read() {} })
  body.push('hello ')
  const pushing = send(`${start.headers.location}?digest=${digestOf('hello world')}`, {
    method: 'PUT',
    ca: gateway.ca,
    body,
    ...alice,
  })
  await until('the push arrived', async () =>
    /requests_in_flight 1/.test((await send(`${gateway.adminUrl}/metrics`)).text()),
  )
  const stopped = gateway.program.stop()
  await until('nothing is accepted any more', () =>
    send(gateway.url, { ca: gateway.ca }).then(
      () => false,
      () => true,
    ),
  )
  body.push('world')
  body.push(null)
  assert.equal((await pushing).status, 201)
  assert.equal((await stopped).code, 0)
})

test('a grant that is withdrawn in the file holds for the next request, without a signal', async (t) => {
  const gateway = await startGateway(t)
  const push = () =>
    send(`${gateway.url}/v2/team-a/app/blobs/uploads/`, { method: 'POST', ca: gateway.ca, ...alice })
  assert.equal((await push()).status, 202)
  await writeConfig(gateway.configFile, { access: [{ repositories: ['**'], pull: ['$authenticated'] }] })
  await until('the grant is gone', async () => (await push()).status === 403)
})

test('a broken configuration leaves the old grants in force, and the log says so', async (t) => {
  const gateway = await startGateway(t)
  await writeFile(gateway.configFile, 'access: [')
  gateway.program.signal('SIGHUP')
  await until('the log says so', () =>
    gateway
      .log()
      .some((line) => line['level'] === 'error' && String(line.msg).includes('what was in force stays')),
  )
  const answer = await send(`${gateway.url}/v2/`, { ca: gateway.ca, ...alice })
  assert.equal(answer.status, 200)
})

test('an account that is removed from the password file is refused, one that is added is let in', async (t) => {
  const gateway = await startGateway(t)
  const ask = async (account: object) =>
    (await send(`${gateway.url}/v2/`, { ca: gateway.ca, ...account })).status
  assert.equal(await ask(bob), 200)
  await writePasswords(gateway.folder, { alice: 'alice-secret', carol: 'carol-secret' })
  const carol = { account: { username: 'carol', password: 'carol-secret' } }
  await until('carol is let in', async () => (await ask(carol)) === 200)
  assert.equal(await ask(bob), 401)
  assert.equal(await ask(alice), 200)
})

test('a certificate that is replaced on disk is served to new connections', async (t) => {
  const folder = await temporaryFolder(t)
  const [older, newer] = [await makeCertificate(t), await makeCertificate(t)]
  const install = async (certificate: string, key: string) => {
    await copyFile(certificate, join(folder, 'tls.crt'))
    await copyFile(key, join(folder, 'tls.key'))
  }
  await install(older.certificate, older.key)
  const tls = { certificate: 'tls.crt', key: 'tls.key' }
  const gateway = await startGateway(t, { folder, config: { listen: [{ address: '127.0.0.1:0', tls }] } })
  const trusts = (ca: string) =>
    send(gateway.url, { ca }).then(
      ({ status }) => status === 200,
      () => false,
    )
  assert.equal(await trusts(older.ca), true)
  await install(newer.certificate, newer.key)
  await until('the new certificate is served', () => trusts(newer.ca))
  assert.equal(await trusts(older.ca), false)
})

test('a certificate that cannot be read keeps the old one in service', async (t) => {
  const folder = await temporaryFolder(t)
  const { certificate, key, ca } = await makeCertificate(t)
  await copyFile(certificate, join(folder, 'tls.crt'))
  await copyFile(key, join(folder, 'tls.key'))
  const tls = { certificate: 'tls.crt', key: 'tls.key' }
  const gateway = await startGateway(t, { folder, config: { listen: [{ address: '127.0.0.1:0', tls }] } })
  await writeFile(join(folder, 'tls.crt'), 'not a certificate')
  await until('the log says so', () =>
    gateway.log().some((line) => line['what'] === 'certificates' && line['level'] === 'error'),
  )
  assert.equal((await send(gateway.url, { ca })).status, 200)
})

test('a port in use is one clear line and exit code 1', async (t) => {
  const folder = await temporaryFolder(t)
  const port = await freePort()
  await startGateway(t, { config: { listen: [{ address: `127.0.0.1:${port}` }] } })
  await mkdir(join(folder, 'work'))
  const file = join(folder, 'work', 'dockgate.yml')
  await writePasswords(join(folder, 'work'), { alice: 'alice-secret' })
  await writeConfig(file, { listen: [{ address: `127.0.0.1:${port}` }] })
  const failed = await run(process.execPath, [MAIN, 'serve', '--config', file], {
    cwd: join(folder, 'work'),
  }).then(
    () => assert.fail('it started'),
    (error: unknown) => error as { code: number; stderr: string },
  )
  assert.equal(failed.code, 1)
  assert.equal(
    failed.stderr,
    `dockgate: cannot listen on 127.0.0.1:${port}: the port is in use: stop what listens there, or choose another one\n`,
  )
})

test('a store that cannot be used is one clear line at start', async (t) => {
  const folder = await temporaryFolder(t)
  await writePasswords(folder, { alice: 'alice-secret' })
  const file = join(folder, 'dockgate.yml')
  // No folder can be made there, whoever asks.
  await writeConfig(file, { stores: { main: { filesystem: { root: '/dev/null/data' } } } })
  const failed = await run(process.execPath, [MAIN, 'serve', '--config', file], { cwd: folder }).then(
    () => assert.fail('it started'),
    (error: unknown) => error as { code: number; stderr: string },
  )
  assert.equal(failed.code, 1)
  assert.match(failed.stderr, /^dockgate: the store main cannot be used: [^\n]+\n$/)
})

test('plain HTTP is sent to HTTPS, with path and method', async (t) => {
  const gateway = await startGateway(t, {
    config: {
      listen: [
        { address: '127.0.0.1:0', tls: 'auto' },
        { address: '127.0.0.1:0', redirectTo: 'https' },
      ],
    },
  })
  const answer = await send(`${gateway.urls[1]}/v2/a/tags/list?n=1`, { method: 'PUT' })
  assert.equal(answer.status, 308)
  assert.equal(answer.headers.location, `${gateway.url}/v2/a/tags/list?n=1`)
})

test('a blob that a client stops reading is let go', async (t) => {
  const gateway = await startGateway(t)
  const bytes = Buffer.alloc(32 * 1024 * 1024, 7) // more than sockets hold on both sides
  const digest = digestOf(bytes)
  const path = `${gateway.url}/v2/public/big/blobs`
  await send(`${path}/uploads/?digest=${digest}`, { method: 'POST', ca: gateway.ca, body: bytes, ...alice })
  const response = await open(`${path}/${digest}`, { ca: gateway.ca })
  response.once('error', () => {})
  response.destroy()
  const line = await until('the log has the cut answer', () =>
    gateway.log().find((each) => each['route'] === 'blob' && each['cut'] === true),
  )
  assert.equal(line['code'], undefined)
})

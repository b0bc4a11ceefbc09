// LDAP logins on a real OpenLDAP server.
import assert from 'node:assert/strict'
import { createServer, type Socket } from 'node:net'
import { once } from 'node:events'
import { test } from 'node:test'
import { InvalidCredentialError } from '../../../src/auth/authenticator.ts'
import { LdapConnection } from '../../../src/auth/ldap/ldap-connection.ts'
import { LdapBackend, type LdapBackendOptions } from '../../../src/auth/ldap/ldap-backend.ts'
import { BackendUnavailableError } from '../../../src/auth/login-backend.ts'
import { atEnd, fileScope, type Scope } from '../../support/scope.ts'
import { LDAP_BASE, LDAP_READER, startSlapd, type Slapd, type SlapdOptions } from '../../support/slapd.ts'
import { until } from '../../support/until.ts'

const PEOPLE = {
  bob: 'bob: secret',
  Ann: 'ann secret',
  zoë: 'Zoës Paßwort',
  'a*b': 'star',
  'a(b)c': 'paren',
  'back\\slash': 'slash',
  'comma, inc': 'comma',
  'hash#=+"<>;': 'hash',
  nopassword: '',
}
const DIRECTORY: SlapdOptions = {
  people: PEOPLE,
  groups: { developers: ['bob', 'zoë', 'comma, inc'], 'Ops, Night': ['bob'], empty: ['Ann'] },
}

const scope = fileScope()
const directory = await startSlapd(scope, DIRECTORY)

function backendOn(t: Scope, slapd: Slapd, options: Partial<LdapBackendOptions> = {}): LdapBackend {
  const backend = new LdapBackend({
    url: slapd.url,
    startTls: true,
    ca: slapd.ca,
    account: LDAP_READER,
    base: `ou=people,${LDAP_BASE}`,
    filter: '(&(objectClass=inetOrgPerson)(uid=${user}))',
    userAttribute: 'uid',
    groups: { base: `ou=groups,${LDAP_BASE}`, filter: '(member=${dn})', attribute: 'cn' },
    cacheTtlMs: 60_000,
    poolSize: 2,
    timeoutMs: 5_000,
    ...options,
  })
  atEnd(t, () => backend.close())
  return backend
}

test('a good login is an account that carries its source, with its groups', async (t) => {
  const verdict = await backendOn(t, directory).check({ name: 'bob', password: PEOPLE.bob })
  const account = { backend: 'ldap', key: 'ldap:bob' }
  assert.deepEqual(verdict?.identity, {
    name: 'ldap:bob',
    method: 'basic',
    account,
    groups: ['ldap:developers', 'ldap:Ops, Night'],
  })
  assert.equal(verdict?.lifeMs, 60_000)
})

test('ldaps works as StartTLS does', async (t) => {
  const backend = backendOn(t, directory, { url: directory.secureUrl })
  assert.equal((await backend.check({ name: 'bob', password: PEOPLE.bob }))?.identity.name, 'ldap:bob')
})

test('groups are read from memberOf where that is asked for', async (t) => {
  const verdict = await backendOn(t, directory, { groups: 'memberOf' }).check({
    name: 'bob',
    password: PEOPLE.bob,
  })
  assert.deepEqual(verdict?.identity.groups?.toSorted(), ['ldap:Ops, Night', 'ldap:developers'])
})

test('only groups that mean something here are kept', async (t) => {
  const backend = backendOn(t, directory, { keepsGroup: (group) => group === 'ldap:developers' })
  const verdict = await backend.check({ name: 'bob', password: PEOPLE.bob })
  assert.deepEqual(verdict?.identity.groups, ['ldap:developers'])
})

test('a wrong password is refused, a name that is not there is left to others', async (t) => {
  const backend = backendOn(t, directory)
  await assert.rejects(backend.check({ name: 'bob', password: 'wrong' }), InvalidCredentialError)
  assert.equal(await backend.check({ name: 'nobody', password: PEOPLE.bob }), undefined)
})

test('a failed login leaves nothing behind on the connection that the next one uses', async (t) => {
  const backend = backendOn(t, directory, { poolSize: 1 })
  await assert.rejects(backend.check({ name: 'bob', password: 'wrong' }), InvalidCredentialError)
  assert.equal((await backend.check({ name: 'bob', password: PEOPLE.bob }))?.identity.name, 'ldap:bob')
  assert.equal((await backend.check({ name: 'Ann', password: PEOPLE.Ann }))?.identity.name, 'ldap:Ann')
})

test('no login without a password gets in, though the server would let it', async (t) => {
  const backend = backendOn(t, directory)
  assert.equal(await backend.check({ name: 'bob', password: '' }), undefined)
  await assert.rejects(backend.check({ name: 'nopassword', password: 'x' }), InvalidCredentialError)
})

test('a token of an issuer that nobody here knows is not shown to the directory', async (t) => {
  const backend = backendOn(t, directory)
  assert.equal(
    await backend.check({ name: 'bob', password: 'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJib2IifQ.x' }),
    undefined,
  )
})

test('an account is called what it is called in the directory, however it was written', async (t) => {
  const verdict = await backendOn(t, directory).check({ name: 'ANN', password: PEOPLE.Ann })
  assert.equal(verdict?.identity.name, 'ldap:Ann')
})

test('names with special characters are themselves, in filters and in distinguished names', async (t) => {
  const backend = backendOn(t, directory)
  const names = Object.entries(PEOPLE).filter(([, password]) => password !== '')
  const found = await Promise.all(names.map(([name, password]) => backend.check({ name, password })))
  assert.deepEqual(
    found.map((verdict) => verdict?.identity.name),
    names.map(([name]) => `ldap:${name}`),
  )
  assert.deepEqual(found[2]?.identity.groups, ['ldap:developers'])
  assert.deepEqual(found[6]?.identity.groups, ['ldap:developers'])
})

test('a name can not change what the filter means', async (t) => {
  const backend = backendOn(t, directory)
  const attempts = ['*', 'b*', 'bob)(uid=*', '*)(|(uid=*', 'bob)(&', '\\62ob', ')', '(', '${dn}', 'bob\u0000']
  const found = await Promise.all(attempts.map((name) => backend.check({ name, password: PEOPLE.bob })))
  assert.deepEqual(
    found,
    attempts.map(() => undefined),
  )
})

test('a filter that finds several entries lets nobody in', async (t) => {
  const backend = backendOn(t, directory, { filter: '(|(uid=${user})(uid=Ann))' })
  await assert.rejects(backend.check({ name: 'bob', password: PEOPLE.bob }), InvalidCredentialError)
})

test('connections are used again, and no more than allowed are opened', async (t) => {
  const slapd = await startSlapd(t, DIRECTORY)
  const backend = backendOn(t, slapd, { poolSize: 2 })
  const logins = Array.from({ length: 12 }, (_, index) => ({
    name: 'bob',
    password: PEOPLE.bob,
    network: `10.0.0.${index}`,
  }))
  await Promise.all(logins.map((login) => backend.check(login)))
  assert.equal(slapd.upgrades(), 2)
})

test('a certificate of an unknown authority, or for another host, is not talked to', async (t) => {
  const login = { name: 'bob', password: PEOPLE.bob }
  await assert.rejects(backendOn(t, directory, { ca: undefined }).check(login), BackendUnavailableError)
  // The same machine under a name that the certificate does not have.
  const url = directory.url.replace('127.0.0.1', '127.1')
  await assert.rejects(backendOn(t, directory, { url }).check(login), /does not match certificate's altnames/)
})

test('a server that refuses the searching account is unavailable: the caller is not to blame', async (t) => {
  const account = { ...LDAP_READER, password: 'wrong' }
  const check = backendOn(t, directory, { account }).check({ name: 'bob', password: PEOPLE.bob })
  await assert.rejects(check, BackendUnavailableError)
})

test('a server that is killed while it is in use is unavailable, and taken up again when it is back', async (t) => {
  const slapd = await startSlapd(t, DIRECTORY)
  const downs: string[] = []
  const onDown = ({ message }: Error): void => void downs.push(message)
  const backend = backendOn(t, slapd, { coolDownMs: 0, onDown })
  const login = { name: 'bob', password: PEOPLE.bob }
  await backend.check(login)
  await slapd.kill()
  await assert.rejects(backend.check(login), BackendUnavailableError)
  await assert.rejects(backend.check(login), BackendUnavailableError)
  assert.equal(downs.length, 1)
  await slapd.restart()
  assert.equal((await backend.check(login))?.identity.name, 'ldap:bob')
})

test('a connection that the server closed meanwhile does not fail a login', async (t) => {
  const slapd = await startSlapd(t, DIRECTORY)
  const backend = backendOn(t, slapd)
  const login = { name: 'bob', password: PEOPLE.bob }
  await backend.check(login)
  await slapd.restart()
  assert.equal((await backend.check(login))?.identity.name, 'ldap:bob')
})

test('a connection that was lost is not dialled again by itself: the next word on it is a password', async (t) => {
  const slapd = await startSlapd(t, DIRECTORY)
  const server = { url: slapd.url, startTls: true, ca: slapd.ca, timeoutMs: 5_000 }
  const connection = await LdapConnection.open(server)
  assert.equal(await connection.bind(LDAP_READER.dn, LDAP_READER.password), true)
  await slapd.restart()
  await until('the connection is closed', () => !connection.isOpen)
  await assert.rejects(connection.bind(LDAP_READER.dn, LDAP_READER.password), BackendUnavailableError)
  await until('the server has told of every connection', () => slapd.log().includes('slapd starting'))
  assert.equal(slapd.log().includes('BIND dn='), false)
})

test('a server that does not answer costs one login the timeout, and the next ones nothing', async (t) => {
  const slapd = await startSlapd(t, DIRECTORY)
  const backend = backendOn(t, slapd, { timeoutMs: 300, coolDownMs: 600_000 })
  slapd.freeze()
  const login = { name: 'bob', password: PEOPLE.bob }
  await assert.rejects(backend.check(login), BackendUnavailableError)
  slapd.thaw()
  await assert.rejects(backend.check(login), /could not be asked a moment ago/)
})

test('no password is sent to a server that will not encrypt', async (t) => {
  const server = await listen(t, (socket) => {
    socket.once('data', () => socket.write(Buffer.from('300c02010178070a010204000400', 'hex')))
  })
  const backend = backendOn(t, directory, { url: server.url })
  await assert.rejects(backend.check({ name: 'bob', password: PEOPLE.bob }), /refuses StartTLS/)
  assert.equal(server.received().includes(LDAP_READER.password), false)
})

test('what is sent in the clear behind the answer to StartTLS is not believed', async (t) => {
  const server = await listen(t, (socket) => {
    // Success, then the front part of "you are logged in": the first encrypted byte would complete it.
    socket.once('data', () =>
      socket.write(Buffer.from('300c02010178070a010004000400' + '300d02010161080a01000400', 'hex')),
    )
  })
  const backend = backendOn(t, directory, { url: server.url })
  await assert.rejects(backend.check({ name: 'bob', password: PEOPLE.bob }), /text behind the answer/)
})

test('tokens stay tied to the directory that they were got from', (t) => {
  const here = backendOn(t, directory)
  const elsewhere = backendOn(t, directory, { base: LDAP_BASE })
  assert.notEqual(here.stateOf('ldap:bob'), undefined)
  assert.equal(here.stateOf('ldap:bob'), backendOn(t, directory).stateOf('ldap:bob'))
  assert.notEqual(here.stateOf('ldap:bob'), elsewhere.stateOf('ldap:bob'))
})

async function listen(t: Scope, onConnection: (socket: Socket) => void) {
  let received = ''
  const server = createServer((socket) => {
    socket.on('data', (piece) => (received += piece.toString('latin1'))).on('error', () => undefined)
    onConnection(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  atEnd(t, () => void server.close())
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return { url: `ldap://127.0.0.1:${port}`, received: () => received }
}

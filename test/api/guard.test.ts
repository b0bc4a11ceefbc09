import assert from 'node:assert/strict'
import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { test } from 'node:test'
import { ScopesCeiling } from '../../src/access/ceiling.ts'
import { createPolicy } from '../../src/access/grants-policy.ts'
import type { Caller } from '../../src/access/caller.ts'
import { ANONYMOUS, type Identity } from '../../src/access/identity.ts'
import { Guard, type GuardOptions } from '../../src/api/guard.ts'
import { AuthenticationBusyError, InvalidCredentialError } from '../../src/auth/authenticator.ts'
import { RegistryError } from '../../src/oci/error.ts'
import { parseRepositoryName, type RepositoryName } from '../../src/oci/repository-name.ts'
import { parseScopes, type Action } from '../../src/oci/scope.ts'
import { known } from '../support/known.ts'

const ORIGIN = 'https://r.example'
const secret = repository('team/secret')
const policy = createPolicy({
  grants: [
    { repositories: ['public/**'], pull: ['$anonymous'] },
    { repositories: ['team/**'], pull: ['bob'], push: ['alice'] },
    { catalog: ['alice'] },
  ],
})
const alice: Identity = { name: 'alice', method: 'basic' }
const bob: Identity = { name: 'bob', method: 'basic' }
const withToken = (name: string | undefined, ...scopes: string[]): Identity => ({
  name,
  method: 'bearer',
  ceiling: new ScopesCeiling(parseScopes(scopes)),
})

const from = (identity: Identity): Caller => ({ identity, address: '192.0.2.7' })

function repository(name: string): RepositoryName {
  return known(parseRepositoryName(name))
}

function guardOf(options: Partial<GuardOptions> = {}): Guard {
  return new Guard({
    authenticator: { authenticate: () => ANONYMOUS },
    policy,
    tokenService: { service: 'r' },
    hasAccounts: true,
    ...options,
  })
}

const asking = { origin: ORIGIN, clientAddress: '192.0.2.7', wanted: undefined }

function requestWith(authorization?: string): IncomingMessage {
  const request = new IncomingMessage(new Socket())
  if (authorization !== undefined) request.headers.authorization = authorization
  return request
}

/** Status, code and challenge of a refusal; 'allowed' when it is none. */
function outcome(decision: unknown): string {
  if (!(decision instanceof RegistryError)) return 'allowed'
  const { status, code, headers } = decision
  return [status, code, headers['WWW-Authenticate']].filter((part) => part !== undefined).join(' ')
}

const required = (
  identity: Identity,
  action: Action,
  name: RepositoryName,
  options?: Partial<GuardOptions>,
) => outcome(guardOf(options).decide(from(identity), { action, repository: name }, ORIGIN))

const bearer = (rest = '') => `401 UNAUTHORIZED Bearer realm="https://r.example/token",service="r"${rest}`

test('what is granted is allowed', () => {
  assert.equal(required(ANONYMOUS, 'pull', repository('public/app')), 'allowed')
  assert.equal(required(bob, 'pull', secret), 'allowed')
  assert.equal(required(alice, 'push', secret), 'allowed')
})

test('who has not logged in is told where to get a token, and for what', () => {
  assert.equal(required(ANONYMOUS, 'pull', secret), bearer(',scope="repository:team/secret:pull"'))
  // Clients pull while they push.
  assert.equal(required(ANONYMOUS, 'push', secret), bearer(',scope="repository:team/secret:pull,push"'))
  assert.equal(required(ANONYMOUS, 'delete', secret), bearer(',scope="repository:team/secret:delete"'))
})

test('without a token service, the challenge is Basic', () => {
  assert.equal(
    required(ANONYMOUS, 'pull', secret, { tokenService: undefined }),
    '401 UNAUTHORIZED Basic realm="dockgate",charset="UTF-8"',
  )
})

test('an account without the grant is denied: another login of it would not help', () => {
  assert.equal(required(bob, 'push', secret), '403 DENIED')
  assert.equal(required(bob, 'pull', repository('other/app')), '403 DENIED')
  assert.equal(required(alice, 'delete', secret), '403 DENIED')
})

test('where nobody can log in, a challenge would only confuse', () => {
  assert.equal(required(ANONYMOUS, 'pull', secret, { hasAccounts: false }), '403 DENIED')
})

test('a token that is too small for what is granted is challenged for a larger one', () => {
  const scope = ',scope="repository:team/secret:pull,push",error="insufficient_scope"'
  assert.equal(required(withToken('alice', 'repository:team/secret:pull'), 'push', secret), bearer(scope))
  assert.equal(required(withToken('alice'), 'push', secret), bearer(scope))
  assert.equal(required(withToken('alice', 'repository:team/secret:push'), 'push', secret), 'allowed')
})

test('a token never gives more than the grants', () => {
  const token = (name: string | undefined) => withToken(name, 'repository:team/secret:pull,push,delete')
  assert.equal(required(token('bob'), 'push', secret), '403 DENIED')
  // Behind a token without a name there may still be somebody with an account.
  const scope = ',scope="repository:team/secret:pull",error="insufficient_scope"'
  assert.equal(required(token(undefined), 'pull', secret), bearer(scope))
})

test('a ceiling that no other token changes is no reason for a challenge', () => {
  const robot: Identity = { ...withToken('alice', 'repository:team/secret:pull'), method: 'basic' }
  assert.equal(required(robot, 'pull', secret), 'allowed')
  assert.equal(required(robot, 'push', secret), '403 DENIED')
})

test('the address counts, and what grants it is told', () => {
  const inside = createPolicy({
    grants: [{ repositories: ['team/**'], push: ['alice'], from: ['192.0.2.0/24'], line: 4 }],
  })
  const wanted = { action: 'pull', repository: secret } as const
  const granted = guardOf({ policy: inside }).decide(from(alice), wanted, ORIGIN)
  assert.partialDeepStrictEqual(granted, { grant: 0, word: 'push', line: 4 })
  const elsewhere: Caller = { identity: alice, address: '198.51.100.1' }
  assert.equal(outcome(guardOf({ policy: inside }).decide(elsewhere, wanted, ORIGIN)), '403 DENIED')
})

test('with hidden repositories, who may not pull is told that there is none', () => {
  const hidden = (identity: Identity, action: Action, name: string, options?: Partial<GuardOptions>) =>
    required(identity, action, repository(name), { hidesRepositories: true, ...options })
  assert.equal(hidden(bob, 'pull', 'other/app'), '404 NAME_UNKNOWN')
  assert.equal(hidden(bob, 'push', 'other/app'), '404 NAME_UNKNOWN')
  assert.equal(hidden(bob, 'push', 'team/secret'), '403 DENIED')
  assert.equal(hidden(withToken('bob'), 'pull', 'other/app'), '404 NAME_UNKNOWN')
  assert.equal(hidden(ANONYMOUS, 'pull', 'team/secret', { hasAccounts: false }), '404 NAME_UNKNOWN')
  // A login, or a larger token, could help.
  assert.equal(hidden(ANONYMOUS, 'pull', 'other/app'), bearer(',scope="repository:other/app:pull"'))
  const scope = ',scope="repository:team/secret:pull",error="insufficient_scope"'
  assert.equal(hidden(withToken('bob'), 'pull', 'team/secret'), bearer(scope))
})

test('the catalog needs its own grant and its own scope', () => {
  const catalog = (identity: Identity) => outcome(guardOf().decideCatalog(from(identity), ORIGIN))
  assert.equal(catalog(alice), 'allowed')
  assert.equal(catalog(bob), '403 DENIED')
  assert.equal(catalog(ANONYMOUS), bearer(',scope="registry:catalog:*"'))
  assert.equal(catalog(withToken('alice', 'registry:catalog:*')), 'allowed')
  assert.equal(
    catalog(withToken('alice', 'repository:team/secret:pull')),
    bearer(',scope="registry:catalog:*",error="insufficient_scope"'),
  )
})

test('GET /v2/ challenges when a login is of use', () => {
  const ping = (identity: Identity, options?: Partial<GuardOptions>) =>
    outcome(guardOf(options).refusalOfPing(identity, ORIGIN))
  assert.equal(ping(ANONYMOUS), bearer())
  assert.equal(ping(alice), 'allowed')
  assert.equal(ping(withToken(undefined)), 'allowed')
  assert.equal(ping(ANONYMOUS, { hasAccounts: false }), 'allowed')
  const open = createPolicy({ grants: [{ repositories: ['**'], pull: ['$anonymous'] }] })
  assert.equal(ping(ANONYMOUS, { policy: open }), 'allowed')
})

test('a mount looks at the ceiling of a token, a listing does not', () => {
  const limited = withToken('alice', 'registry:catalog:*')
  assert.equal(guardOf().mayPull(from(limited), secret), false)
  assert.equal(guardOf().maySee(from(limited), secret), true)
  assert.equal(guardOf().maySee(from(limited), repository('other/app')), false)
})

test('an identity that is known is answered at once, one that has to be verified later', async () => {
  const seen: unknown[] = []
  const known: Guard = guardOf({
    authenticator: { authenticate: (...args) => (seen.push(args), alice) },
  })
  assert.equal(known.identify(requestWith('Basic x'), asking), alice)
  assert.deepEqual(seen, [['Basic x', { address: '192.0.2.7', host: undefined, repository: undefined }]])
  const verified = guardOf({ authenticator: { authenticate: async () => bob } })
  assert.equal(await verified.identify(requestWith('Basic x'), asking), bob)
})

test('a credential that is not valid is challenged, at once or later, with what the request needs', async () => {
  const wanted = { action: 'pull' as const, repository: secret }
  const refused = bearer(',scope="repository:team/secret:pull",error="invalid_token"')
  const throwing = guardOf({
    authenticator: {
      authenticate() {
        throw new InvalidCredentialError('the password is wrong')
      },
    },
  })
  assert.throws(
    () => throwing.identify(requestWith('Basic x'), { ...asking, wanted }),
    (failure) => outcome(failure) === refused,
  )
  const rejecting = guardOf({
    authenticator: { authenticate: () => Promise.reject(new InvalidCredentialError('the token is old')) },
  })
  await assert.rejects(
    async () => rejecting.identify(requestWith('Bearer x'), { ...asking, wanted }),
    (failure: Error) => outcome(failure) === refused && failure.message === 'the token is old',
  )
})

test('too many logins at once are answered with 503 and when to come back', async () => {
  const busy = guardOf({
    authenticator: { authenticate: () => Promise.reject(new AuthenticationBusyError(7)) },
  })
  await assert.rejects(Promise.resolve(busy.identify(requestWith('Basic x'), asking)), {
    code: 'UNAVAILABLE',
    status: 503,
    headers: { 'Retry-After': '7' },
  })
})

test('any other failure is a bug and stays what it is', () => {
  const bug = new TypeError('a bug')
  const broken = guardOf({
    authenticator: {
      authenticate() {
        throw bug
      },
    },
  })
  assert.throws(() => broken.identify(requestWith('Basic x'), asking), bug)
})

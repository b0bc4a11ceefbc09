import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { createLocalJWKSet } from 'jose'
import { InvalidCredentialError } from '../../src/auth/authenticator.ts'
import { createAuthenticator } from '../../src/auth/create-authenticator.ts'
import { ExternalTokens } from '../../src/auth/external/external-tokens.ts'
import { TokenKeys } from '../../src/auth/service/token-keys.ts'
import { authorizationTexts } from './authorization-texts.ts'
import { fuzzRuns } from '../support/fuzz.ts'

test('whatever is presented that is not right is an invalid credential, and nothing else', async () => {
  const keys = new TokenKeys({ ...generateKeyPairSync('ec', { namedCurve: 'prime256v1' }), kid: 'k' })
  const authenticator = createAuthenticator({
    backends: [{ name: 'none', check: async () => undefined, stateOf: () => 'x' }],
    token: { keys, issuer: 'dockgate', service: 'registry.test' },
    externalTokens: [
      new ExternalTokens({
        source: 'gitlab',
        issuer: 'gitlab',
        service: 'registry.test',
        findKey: createLocalJWKSet(keys.toJwks()),
      }),
    ],
  })
  await fc.assert(
    fc.asyncProperty(authorizationTexts, async (header) => {
      // Neither name nor password: clients without a login send it.
      fc.pre(header !== 'Basic Og==')
      await assert.rejects(async () => authenticator.authenticate(header), InvalidCredentialError)
    }),
    { numRuns: fuzzRuns(500) },
  )
})

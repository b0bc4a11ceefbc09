// What every account store promises, whatever database it is kept in.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AccountStore, TokensMark } from '../../../src/auth/accounts/account-store.ts'
import type { Scope } from '../../support/scope.ts'
import { accessToken, ALICE, refreshToken } from './records.ts'

/** Two openings of one store that nothing was kept in yet, as two processes have them. */
export type OpenStores = (t: Scope) => Promise<[AccountStore, AccountStore]>

export function testAccountStore(name: string, open: OpenStores): void {
  const promise = (what: string, check: (one: AccountStore, other: AccountStore) => Promise<void>) => {
    void test(`${name}: ${what}`, async (t) => check(...(await open(t))))
  }

  promise('a store that was never written to holds nothing', async (one) => {
    assert.deepEqual(await one.listTokens(), [])
    assert.deepEqual((await one.readTokens()).tokens, [])
    assert.equal(await one.findRefreshToken('none'), undefined)
    await one.recordUses(['none'], new Date())
    await one.removeEnded({ tokensBefore: new Date(), refreshBefore: new Date() })
    assert.deepEqual(await one.listTokens(), [])
  })

  promise('an access token is read by others as it was saved, the newest first', async (one, other) => {
    const personal = accessToken({
      name: 'alice',
      owner: ALICE,
      ownerState: 'state',
      label: 'Läptop 🐳',
      repositories: ['team-a/**', 'base/*'],
      actions: ['pull', 'push'],
      createdAt: new Date(1_700_000_000_001),
      expiresAt: new Date(1_800_000_000_000),
      lastUsedAt: new Date(1_750_000_000_000),
    })
    const robot = accessToken()
    await one.saveToken(robot)
    await one.saveToken(personal)
    assert.deepEqual((await other.listTokens()).map(plain), [personal, robot].map(plain))
  })

  promise('an id is given once', async (one, other) => {
    await one.saveToken(accessToken({ id: 'same' }))
    await assert.rejects(other.saveToken(accessToken({ id: 'same' })), { code: 'ACCOUNT_STORE_UNAVAILABLE' })
    await one.saveRefreshToken(refreshToken({ id: 'same' }))
    await assert.rejects(other.saveRefreshToken(refreshToken({ id: 'same' })), {
      code: 'ACCOUNT_STORE_UNAVAILABLE',
    })
    assert.equal((await one.listTokens()).length, 1)
  })

  promise('a token is revoked once, and the first time stays', async (one, other) => {
    const token = accessToken()
    await one.saveToken(token)
    const [first, second] = [new Date(1_710_000_000_000), new Date(1_720_000_000_000)]
    assert.deepEqual((await other.revokeToken(token.id, first))?.revokedAt, first)
    assert.deepEqual((await one.revokeToken(token.id, second))?.revokedAt, first)
    assert.equal(await one.revokeToken('none', first), undefined)
  })

  promise(
    'a reader is told what others made or revoked since it read last, and nothing else',
    async (one, other) => {
      const mark = await (async function follow(): Promise<TokensMark> {
        await one.saveToken(accessToken({ id: 'first' }))
        const all = await other.readTokens()
        assert.equal(all.isComplete, true)
        assert.deepEqual(idsOf(all.tokens), ['first'])
        return all.mark
      })()
      assert.deepEqual(await other.readTokens(mark), { mark, isComplete: false, tokens: [] })
      await one.saveToken(accessToken({ id: 'second' }))
      const made = await other.readTokens(mark)
      assert.deepEqual([made.isComplete, idsOf(made.tokens)], [false, ['second']])
      await one.revokeToken('first', new Date(1))
      const revoked = await other.readTokens(made.mark)
      assert.deepEqual([idsOf(revoked.tokens), revoked.tokens[0]?.revokedAt], [['first'], new Date(1)])
      assert.deepEqual(idsOf((await other.readTokens(mark)).tokens), ['first', 'second'])
    },
  )

  promise('a mark of another store, or of a later state, is answered with everything', async (one) => {
    await one.saveToken(accessToken({ id: 'first' }))
    const { mark } = await one.readTokens()
    for (const foreign of [
      { epoch: 'another', revision: mark.revision },
      { ...mark, revision: mark.revision + 1 },
    ]) {
      const change = await one.readTokens(foreign)
      assert.deepEqual([change.isComplete, idsOf(change.tokens)], [true, ['first']])
    }
  })

  promise('a use is recorded, never back in time, and is no change', async (one, other) => {
    await one.saveToken(accessToken({ id: 'used' }))
    await one.saveToken(accessToken({ id: 'unused' }))
    const { mark } = await one.readTokens()
    const [earlier, later] = [new Date(1_710_000_000_000), new Date(1_720_000_000_000)]
    await one.recordUses(['used', 'gone'], later)
    await other.recordUses(['used'], earlier)
    const uses = new Map((await other.listTokens()).map(({ id, lastUsedAt }) => [id, lastUsedAt]))
    assert.deepEqual(uses, new Map([['used', later] as const, ['unused', undefined] as const]))
    assert.deepEqual((await one.readTokens(mark)).tokens, [])
  })

  promise('uses of more tokens than a statement takes are recorded', async (one) => {
    const ids = Array.from({ length: 1203 }, (_, index) => `token-${index}`)
    await one.saveToken(accessToken({ id: 'token-1202' }))
    await one.recordUses(ids, new Date(5))
    assert.deepEqual((await one.listTokens())[0]?.lastUsedAt, new Date(5))
  })

  promise('of several who change tokens at once, none is lost', async (one, other) => {
    const ids = Array.from({ length: 20 }, (_, index) => `token-${String(index).padStart(2, '0')}`)
    await Promise.all(ids.map((id, index) => (index % 2 ? one : other).saveToken(accessToken({ id }))))
    assert.deepEqual(idsOf((await one.readTokens()).tokens), ids)
    await Promise.all(
      ids.map((id, index) => (index % 2 ? other : one).revokeToken(id, new Date(1_710_000_000_000))),
    )
    assert.ok((await one.listTokens()).every(({ revokedAt }) => revokedAt !== undefined))
  })

  promise('a refresh token is found by others as it was saved, until it is deleted', async (one, other) => {
    const token = refreshToken({ groups: ['ops', 'dev'] })
    await one.saveRefreshToken(token)
    assert.deepEqual(plain(await other.findRefreshToken(token.id)), plain(token))
    const outcomes = await Promise.all([one.deleteRefreshToken(token.id), other.deleteRefreshToken(token.id)])
    assert.deepEqual(outcomes.toSorted(), [false, true])
    assert.equal(await one.findRefreshToken(token.id), undefined)
  })

  promise('refresh tokens are deleted by family and by account', async (one) => {
    await one.saveRefreshToken(refreshToken({ id: 'a', family: 'x' }))
    await one.saveRefreshToken(refreshToken({ id: 'b', family: 'y' }))
    await one.saveRefreshToken(refreshToken({ id: 'c', family: 'y', account: { ...ALICE, key: 'bob' } }))
    await one.saveRefreshToken(refreshToken({ id: 'd', family: 'z' }))
    const left = async () => {
      const found = await Promise.all(['a', 'b', 'c', 'd'].map((id) => one.findRefreshToken(id)))
      return found.flatMap((token) => (token ? [token.id] : []))
    }
    await one.deleteRefreshTokenFamily('x')
    assert.deepEqual(await left(), ['b', 'c', 'd'])
    await one.deleteRefreshTokensOf(ALICE)
    assert.deepEqual(await left(), ['c'])
  })

  promise('an account is left its latest refresh tokens', async (one) => {
    for (const [index, id] of ['old', 'newer', 'newest'].entries())
      await one.saveRefreshToken(refreshToken({ id, createdAt: new Date(index) }))
    await one.saveRefreshToken(
      refreshToken({ id: 'bob', account: { ...ALICE, key: 'bob' }, createdAt: new Date(0) }),
    )
    await one.keepLatestRefreshTokensOf(ALICE, 2)
    assert.equal(await one.findRefreshToken('old'), undefined)
    assert.ok(await one.findRefreshToken('newer'))
    assert.ok(await one.findRefreshToken('newest'))
    assert.ok(await one.findRefreshToken('bob'))
  })

  promise('what ended long ago is removed, what lives stays', async (one) => {
    const [before, limit, after] = [new Date(1000), new Date(2000), new Date(3000)]
    await one.saveToken(accessToken({ id: 'expired', expiresAt: before }))
    await one.saveToken(accessToken({ id: 'revoked', revokedAt: before }))
    await one.saveToken(accessToken({ id: 'expired lately', expiresAt: after }))
    await one.saveToken(accessToken({ id: 'endless' }))
    await one.saveRefreshToken(refreshToken({ id: 'expired', expiresAt: before }))
    await one.saveRefreshToken(refreshToken({ id: 'good', expiresAt: after }))
    await one.removeEnded({ tokensBefore: limit, refreshBefore: limit })
    assert.deepEqual(idsOf(await one.listTokens()), ['endless', 'expired lately'])
    assert.equal(await one.findRefreshToken('expired'), undefined)
    assert.ok(await one.findRefreshToken('good'))
  })

  promise('who makes a change hears of it', async (one) => {
    const heard = Promise.withResolvers<void>()
    await one.saveToken(accessToken({ id: 'first' }))
    const stop = one.onChange(() => heard.resolve())
    await one.revokeToken('first', new Date(1))
    await heard.promise
    stop()
  })

  promise('a store that was closed refuses', async (one) => {
    await one.close()
    await assert.rejects(one.listTokens(), { code: 'ACCOUNT_STORE_UNAVAILABLE' })
  })
}

function idsOf(tokens: readonly { readonly id: string }[]): string[] {
  return tokens.map(({ id }) => id).toSorted()
}

/** Databases answer bytes as views of different kinds. */
function plain<Token extends { readonly secretHash: Uint8Array }>(token: Token | undefined) {
  return token && { ...token, secretHash: Buffer.from(token.secretHash).toString('hex') }
}

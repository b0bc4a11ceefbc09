// Records as tests keep them.
import { randomUUID } from 'node:crypto'
import type { AccessToken, RefreshToken } from '../../../src/auth/accounts/account-store.ts'

export const ALICE = { backend: 'htpasswd', key: 'alice' }

/** A robot's token for pulls of everything that never ends. */
export function accessToken(fields: Partial<AccessToken> = {}): AccessToken {
  return {
    id: randomUUID(),
    secretHash: new Uint8Array(32).fill(7),
    name: 'robot:ci',
    owner: undefined,
    ownerState: undefined,
    label: '',
    repositories: ['**'],
    actions: ['pull'],
    createdAt: new Date(1_700_000_000_000),
    expiresAt: undefined,
    revokedAt: undefined,
    lastUsedAt: undefined,
    ...fields,
  }
}

export function refreshToken(fields: Partial<RefreshToken> = {}): RefreshToken {
  return {
    id: randomUUID(),
    secretHash: new Uint8Array(32).fill(9),
    name: 'alice',
    groups: undefined,
    account: ALICE,
    accountState: 'state-1',
    service: 'registry.example.com',
    family: 'family-1',
    createdAt: new Date(1_700_000_000_000),
    expiresAt: new Date(1_800_000_000_000),
    ...fields,
  }
}

// `{PLAIN}`, `{SHA}` and `{SSHA}`, which nginx computes itself (ngx_crypt).
import { hash as digestOf } from 'node:crypto'
import type { HashKind } from './hash-kind.ts'

const SHA1_BYTES = 20

export const PLAIN: HashKind = {
  name: '{PLAIN}',
  pattern: /^\{PLAIN\}/,
  traits: () => ({ cost: 'none', weakness: 'it is the password itself' }),
  compute: (password) => `{PLAIN}${password.toString()}`,
}

export const SHA: HashKind = {
  name: '{SHA}',
  pattern: /^\{SHA\}[A-Za-z0-9+/]{27}=$/,
  traits: () => ({ cost: 'one round', weakness: 'it is one round of SHA-1, without a salt' }),
  compute: (password) => `{SHA}${digestOf('sha1', password, 'base64')}`,
}

export const SSHA: HashKind = {
  name: '{SSHA}',
  pattern: /^\{SSHA\}[A-Za-z0-9+/]{26,}={0,2}$/,
  traits: () => ({ cost: 'one round', weakness: 'it is one round of SHA-1' }),
  compute(password, hash) {
    // What stands behind the digest is the salt.
    const salt = Buffer.from(hash.slice('{SSHA}'.length), 'base64').subarray(SHA1_BYTES)
    const digest = digestOf('sha1', Buffer.concat([password, salt]), 'buffer')
    return `{SSHA}${Buffer.concat([digest, salt]).toString('base64')}`
  },
}

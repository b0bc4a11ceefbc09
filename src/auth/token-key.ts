// The ES256 key pair that our own tokens are signed and verified with.
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { calculateJwkThumbprint } from 'jose'
import { readIfThere, readOrMake } from '../storage/file-once.ts'

export interface TokenKey {
  /** The public key's JWK thumbprint (RFC 7638). */
  readonly kid: string
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
}

/** The key file can not be read or made, or holds something else. */
export class TokenKeyError extends Error {
  override readonly name = 'TokenKeyError'
  readonly code = 'TOKEN_KEY_UNUSABLE'
}

/**
 * The key of a PEM file (ECDSA on P-256, PKCS #8 or SEC 1). A file that is not there is made, readable by its owner
 * alone. Rejects with {@link TokenKeyError}.
 */
export function loadTokenKey(path: string): Promise<TokenKey> {
  return load(path, () => readOrMake(path, 0o600, createKey))
}

/** The same, but for a file that has to be there. */
export function readTokenKey(path: string): Promise<TokenKey> {
  return load(path, async () => {
    const pem = await readIfThere(path)
    if (pem === undefined) throw new TypeError('it does not exist')
    return pem
  })
}

async function load(path: string, read: () => Promise<string>): Promise<TokenKey> {
  try {
    return await parseTokenKey(await read())
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : 'unknown reason'
    throw new TokenKeyError(`the token key ${path} can not be used: ${why}`, { cause })
  }
}

async function parseTokenKey(pem: string): Promise<TokenKey> {
  const privateKey = parsePrivateKey(pem)
  if (privateKey.asymmetricKeyDetails?.namedCurve !== 'prime256v1')
    throw new TypeError('it is not an ECDSA key on the curve P-256')
  const publicKey = createPublicKey(privateKey)
  return { kid: await calculateJwkThumbprint(publicKey), privateKey, publicKey }
}

/** The parser's own words say nothing to those who wrote the configuration. */
function parsePrivateKey(pem: string): KeyObject {
  try {
    return createPrivateKey(pem)
  } catch (cause) {
    throw new TypeError('it is no private key in PEM form, or has a passphrase', { cause })
  }
}

function createKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
}

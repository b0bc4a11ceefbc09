// The ES256 key pair that our own tokens are signed and verified with.
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomUUID,
  type KeyObject,
} from 'node:crypto'
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { calculateJwkThumbprint } from 'jose'

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
export async function loadTokenKey(path: string): Promise<TokenKey> {
  try {
    return await parseTokenKey((await readKeyFile(path)) ?? (await createKeyFile(path)))
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : 'unknown reason'
    throw new TokenKeyError(`the token key ${path} can not be used: ${why}`, { cause })
  }
}

async function parseTokenKey(pem: string): Promise<TokenKey> {
  const privateKey = createPrivateKey(pem)
  if (privateKey.asymmetricKeyDetails?.namedCurve !== 'prime256v1')
    throw new TypeError('it is not an ECDSA key on the curve P-256')
  const publicKey = createPublicKey(privateKey)
  return { kid: await calculateJwkThumbprint(publicKey), privateKey, publicKey }
}

async function readKeyFile(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
}

/** Written whole under another name and then linked: of several workers that start at once, all take the first one's. */
async function createKeyFile(path: string): Promise<string> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const draft = `${path}.${randomUUID()}`
  await mkdir(dirname(path), { recursive: true })
  try {
    await writeFile(draft, privateKey.export({ type: 'pkcs8', format: 'pem' }), {
      mode: 0o600,
      flag: 'wx',
      flush: true,
    })
    await link(draft, path)
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error
  } finally {
    await rm(draft, { force: true })
  }
  return readFile(path, 'utf8')
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}

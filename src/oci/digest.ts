// Digests: the names of content (image-spec "Digests").
import { createHash, hash as hashOnce, type Hash } from 'node:crypto'

/** `sha256:<64 hex>` or `sha512:<128 hex>`, checked by {@link parseDigest}. */
export type Digest = string & { readonly __brand: 'Digest' }

export type DigestAlgorithm = 'sha256' | 'sha512'

const DIGEST = /^(?:sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128})$/

/** The digest that `text` spells, or undefined when it is malformed or of an algorithm we do not compute. */
export function parseDigest(text: string): Digest | undefined {
  return DIGEST.test(text) ? (text as Digest) : undefined
}

export function isDigestAlgorithm(text: string): text is DigestAlgorithm {
  return text === 'sha256' || text === 'sha512'
}

export function algorithmOf(digest: Digest): DigestAlgorithm {
  return digest.startsWith('sha512:') ? 'sha512' : 'sha256'
}

export function hexOf(digest: Digest): string {
  return digest.slice(7) // both algorithms' names have six letters
}

/** The digest of bytes that are at hand. */
export function digestOf(bytes: Uint8Array | string, algorithm: DigestAlgorithm = 'sha256'): Digest {
  return `${algorithm}:${hashOnce(algorithm, bytes, 'hex')}` as Digest
}

/** Computes a digest over a stream of chunks. */
export interface Digester {
  readonly algorithm: DigestAlgorithm
  update(chunk: Uint8Array): void
  /** The digest of everything up to now; more may follow. */
  digest(): Digest
  /** Another one that goes on from here on its own. */
  copy(): Digester
}

export function createDigester(algorithm: DigestAlgorithm = 'sha256'): Digester {
  return digesterOn(createHash(algorithm), algorithm)
}

function digesterOn(hash: Hash, algorithm: DigestAlgorithm): Digester {
  return {
    algorithm,
    update: (chunk) => void hash.update(chunk),
    digest: () => `${algorithm}:${hash.copy().digest('hex')}` as Digest,
    copy: () => digesterOn(hash.copy(), algorithm),
  }
}

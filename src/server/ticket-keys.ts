// The keys of TLS session tickets: with the same ones, a session that one process began is resumed by another.
import { createHash, hkdfSync } from 'node:crypto'

/** RFC 5077 §4 as OpenSSL has it: a name, a key for the HMAC, a key for AES, 16 bytes each. */
const KEYS_LENGTH = 48

/**
 * Made of a secret that the processes of a gateway share. Each place where clients are known otherwise has keys of its own:
 * a session tells whose certificate it was begun with, and a listener must not believe what another one checked, or
 * itself before. `knownBy`: what clients' certificates are checked by.
 */
export function ticketKeysOf(secret: Uint8Array, place: string, knownBy: object | undefined): Buffer {
  const info = JSON.stringify(['tickets', place, knownBy ?? null])
  // Node takes no more than 1 KiB of it.
  const infoHash = createHash('sha256').update(info).digest()
  return Buffer.from(hkdfSync('sha256', secret, '', infoHash, KEYS_LENGTH))
}

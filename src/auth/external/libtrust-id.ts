// The name that Docker's libtrust gives a key: `ABCD:EFGH:…`, twelve groups of four characters.
import { createHash, type KeyObject } from 'node:crypto'

const ID_BYTES = 30
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** The `kid` by which registry:2 finds a key of its `rootcertbundle`. */
export function libtrustId(publicKey: KeyObject): string {
  const der = publicKey.export({ type: 'spki', format: 'der' })
  const digest = createHash('sha256').update(der).digest().subarray(0, ID_BYTES)
  return base32(digest).match(/.{4}/g)?.join(':') ?? ''
}

/** RFC 4648 §6; for lengths that need no padding. */
function base32(bytes: Uint8Array): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('')
  return (bits.match(/.{5}/g) ?? []).map((five) => ALPHABET[Number.parseInt(five, 2)]).join('')
}

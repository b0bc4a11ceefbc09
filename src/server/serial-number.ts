// The serial numbers of certificates that are issued here.
import { randomBytes } from 'node:crypto'

/** Positive and in its shortest form (RFC 5280 §4.1.2.2), in hexadecimal: neither the sign bit nor a leading zero byte. */
export function newSerial(): string {
  const bytes = randomBytes(16)
  bytes.writeUInt8((bytes.readUInt8() & 0x3f) | 0x40)
  return bytes.toString('hex')
}

// bcrypt under its four names.
import { hashSync } from 'bcrypt'
import type { HashKind } from './hash-kind.ts'

/** `htpasswd -B` writes 5. */
const WEAK_COST = 5
/** Takes about three seconds. */
const MOST_COST = 16
const KEY_WORDS = 18

export const BCRYPT: HashKind = {
  name: 'bcrypt',
  pattern: /^\$2[abxy]\$(?:0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{53}$/,
  traits(hash) {
    const cost = Number(hash.slice(4, 6))
    return {
      cost: `cost ${cost}`,
      weakness: weaknessOf(hash, cost),
      excess:
        cost > MOST_COST ? `it asks for cost ${cost}, of which at most ${MOST_COST} is computed` : undefined,
    }
  },
  /** Of the password's first 72 bytes. */
  compute(password, hash) {
    // htpasswd writes `$2y$`, the same algorithm as `$2b$`, and the library knows only the latter name.
    const salt = `$2b$${hash.slice(4, 29)}`
    const key = hash.startsWith('$2x$') ? signExtended(password) : password
    return hash.slice(0, 4) + hashSync(key, salt).slice(4)
  },
}

function weaknessOf(hash: string, cost: number): string | undefined {
  if (hash.startsWith('$2x$')) return 'it was made by a bcrypt with a bug'
  return cost < WEAK_COST ? `its cost is lower than ${WEAK_COST}` : undefined
}

/**
 * The key that a right bcrypt makes the same of as crypt_blowfish before 1.1 makes of the password, which `$2x$` stands for:
 * that one added bytes to a word with their sign, so that a byte from 0x80 on wiped out the bytes before it in its word.
 */
function signExtended(password: Buffer): Buffer {
  const key = Buffer.alloc(4 * KEY_WORDS)
  // The password goes round with the zero behind it until there are 18 words.
  const cycle = Buffer.concat([password, Buffer.alloc(1)])
  for (let word = 0; word < KEY_WORDS; word++) {
    let value = 0
    for (let byte = 4 * word; byte < 4 * word + 4; byte++)
      value = (value << 8) | (((cycle[byte % cycle.length] ?? 0) << 24) >> 24)
    key.writeInt32BE(value, 4 * word)
  }
  return key
}

// `$gy$`: yescrypt inside two HMACs of Streebog, so that the hash is no weaker than the Russian standard.
import { encodeBytes } from './crypt64.ts'
import type { HashKind } from './hash-kind.ts'
import { hmacStreebog256, streebog256 } from './streebog.ts'
import { yescryptKey, yescryptTraits } from './yescrypt.ts'

export const GOST_YESCRYPT: HashKind = {
  name: 'gost-yescrypt',
  pattern: /^\$gy\$[./A-Za-z0-9]+\$[./A-Za-z0-9]{0,86}\$[./A-Za-z0-9]{43}$/,
  traits: (hash) => yescryptTraits(plain(hash)),
  compute(password, hash) {
    const key = yescryptKey(password, plain(hash))
    if (!key) return undefined
    const setting = hash.slice(0, hash.lastIndexOf('$'))
    const salted = hmacStreebog256(streebog256(password), Buffer.from(setting))
    return `${setting}$${encodeBytes(hmacStreebog256(salted, key))}`
  },
}

/** The same setting of plain yescrypt. */
function plain(hash: string): string {
  return hash.replace('$gy$', '$y$')
}

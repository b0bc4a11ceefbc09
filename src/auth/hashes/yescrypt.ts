// `$y$`, what most Linux distributions hash passwords with.
import { encodeBytes } from './crypt64.ts'
import { memoryTraits, type HashKind } from './hash-kind.ts'
import { TABLES_BYTES } from './pwxform.ts'
import { scryptKey } from './scrypt.ts'
import { parseYescrypt } from './yescrypt-format.ts'
import { yescryptKdf } from './yescrypt-kdf.ts'

export const YESCRYPT: HashKind = {
  name: 'yescrypt',
  pattern: /^\$y\$[./A-Za-z0-9]+\$[./A-Za-z0-9]{0,86}\$[./A-Za-z0-9]{43}$/,
  traits: yescryptTraits,
  compute(password, hash) {
    const key = yescryptKey(password, hash)
    return key && `${hash.slice(0, hash.lastIndexOf('$'))}$${encodeBytes(key)}`
  },
}

export function yescryptTraits(hash: string) {
  const setting = parseYescrypt(hash)
  if (!setting)
    return { cost: 'none', excess: 'its parameters make no sense, or ask for what nobody supports' }
  const { flavor, N, r, p, t } = setting
  // The read and write flavour shares one array among its p parts; the others have one for each, in turn.
  const passes = flavor === 'read-write' ? 2 + t : (2 + t) * p
  return memoryTraits({ bytes: 128 * r * N + (p - 1) * TABLES_BYTES, passes })
}

/** Undefined when the parameters make no sense. */
export function yescryptKey(password: Buffer, hash: string): Buffer | undefined {
  const setting = parseYescrypt(hash)
  if (!setting) return undefined
  const { flavor, salt, ...costs } = setting
  if (flavor === 'scrypt') return scryptKey(password, salt, costs)
  return yescryptKdf(password, salt, { ...costs, isReadWrite: flavor === 'read-write' })
}

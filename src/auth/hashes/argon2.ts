// `$argon2id$` (RFC 9106) in the PHC string format. nginx refuses it; everything newer writes it.
import { argon2Sync } from 'node:crypto'
import { memoryTraits, type HashKind } from './hash-kind.ts'

const FORMAT =
  /^\$argon2id\$v=19\$m=([1-9][0-9]{0,9}),t=([1-9][0-9]{0,9}),p=([1-9][0-9]{0,7})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/

interface Parameters {
  readonly memory: number
  readonly passes: number
  readonly parallelism: number
  readonly salt: string
  readonly tagLength: number
}

export const ARGON2ID: HashKind = {
  name: 'argon2id',
  pattern: FORMAT,
  traits(hash) {
    const { memory, passes, parallelism } = parse(hash)
    // RFC 9106 §3.1.
    if (memory < 8 * parallelism) return { cost: 'none', excess: 'its parameters make no sense' }
    return memoryTraits({ bytes: memory * 1024, passes })
  },
  compute(password, hash) {
    const { salt, tagLength, ...costs } = parse(hash)
    const tag = argon2Sync('argon2id', {
      ...costs,
      message: password,
      nonce: Buffer.from(salt, 'base64'),
      tagLength,
    })
    return `${hash.slice(0, hash.lastIndexOf('$'))}$${tag.toString('base64').replace(/=+$/, '')}`
  },
}

function parse(hash: string): Parameters {
  const [, memory, passes, parallelism, salt = '', tag = ''] = FORMAT.exec(hash) ?? []
  return {
    memory: Number(memory),
    passes: Number(passes),
    parallelism: Number(parallelism),
    salt,
    tagLength: Buffer.from(tag, 'base64').length,
  }
}

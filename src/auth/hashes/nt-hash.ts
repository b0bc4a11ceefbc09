// `$3$$`: MD4 of the password, every byte made two, as FreeBSD and libxcrypt write the hashes of Windows NT.
import type { HashKind } from './hash-kind.ts'
import { md4 } from './md4.ts'

export const NT_HASH: HashKind = {
  name: 'nt',
  pattern: /^\$3\$\$[0-9a-f]{32}$/,
  traits: () => ({ cost: 'one round', weakness: 'it is one round of MD4, without a salt' }),
  compute(password) {
    // Bytes, not characters: right for ASCII, and for the rest what libxcrypt does.
    const wide = Buffer.from(password.toString('latin1'), 'utf16le')
    return `$3$$${md4(wide).toString('hex')}`
  },
}

// MD4 (RFC 1320), which OpenSSL no longer has by default.

const BLOCK_BYTES = 64
const LENGTH_BYTES = 8

interface Round {
  readonly constant: number
  readonly shifts: readonly [number, number, number, number]
  /** Which word of the block each of the sixteen steps takes. */
  readonly words: readonly number[]
  readonly mix: (x: number, y: number, z: number) => number
}

const ROUNDS: readonly Round[] = [
  {
    constant: 0,
    shifts: [3, 7, 11, 19],
    words: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
    mix: (x, y, z) => (x & y) | (~x & z),
  },
  {
    constant: 0x5a827999,
    shifts: [3, 5, 9, 13],
    words: [0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15],
    mix: (x, y, z) => (x & y) | (x & z) | (y & z),
  },
  {
    constant: 0x6ed9eba1,
    shifts: [3, 9, 11, 15],
    words: [0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15],
    mix: (x, y, z) => x ^ y ^ z,
  },
]

export function md4(message: Buffer): Buffer {
  const padded = pad(message)
  let state: readonly [number, number, number, number] = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476]
  for (let start = 0; start < padded.length; start += BLOCK_BYTES) {
    const [a, b, c, d] = state
    const [e, f, g, h] = compress(state, padded.subarray(start, start + BLOCK_BYTES))
    state = [(a + e) >>> 0, (b + f) >>> 0, (c + g) >>> 0, (d + h) >>> 0]
  }
  const digest = Buffer.alloc(16)
  for (const [index, word] of state.entries()) digest.writeUInt32LE(word, 4 * index)
  return digest
}

function pad(message: Buffer): Buffer {
  const blocks = Math.ceil((message.length + 1 + LENGTH_BYTES) / BLOCK_BYTES)
  const padded = Buffer.alloc(blocks * BLOCK_BYTES)
  message.copy(padded)
  padded[message.length] = 0x80
  padded.writeBigUInt64LE(BigInt(message.length) * 8n, padded.length - LENGTH_BYTES)
  return padded
}

function compress([...state]: readonly [number, number, number, number], block: Buffer) {
  let [a, b, c, d] = state
  for (const { constant, shifts, words, mix } of ROUNDS)
    for (const [step, word] of words.entries()) {
      const sum = (a + mix(b, c, d) + block.readUInt32LE(4 * word) + constant) | 0
      const shift = shifts[step % 4] ?? 0
      ;[a, b, c, d] = [d, (sum << shift) | (sum >>> (32 - shift)), b, c]
    }
  return [a, b, c, d] as const
}

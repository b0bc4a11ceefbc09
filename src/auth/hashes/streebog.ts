// Streebog with 256 bits (GOST R 34.11-2012, RFC 6986) and its HMAC. Written for one password at a time, not for speed.
import { MATRIX, PI, ROUND_KEYS } from './streebog-constants.ts'

const BLOCK_BYTES = 64
const BLOCK_BITS = 512n
const WORDS = 8
const ZERO = new BigUint64Array(WORDS)

/** 512 bits, the lowest word first. */
type Vector = BigUint64Array<ArrayBuffer>

export function streebog256(message: Uint8Array): Buffer {
  let hash: Vector = new BigUint64Array(WORDS).fill(0x0101010101010101n)
  let [length, sum] = [ZERO, ZERO]
  const whole = message.length - (message.length % BLOCK_BYTES)
  for (let start = 0; start < whole; start += BLOCK_BYTES) {
    const block = vectorOf(message.subarray(start, start + BLOCK_BYTES))
    hash = compress(hash, length, block)
    length = add(length, vectorOfNumber(BLOCK_BITS))
    sum = add(sum, block)
  }
  const last = vectorOf(Buffer.concat([message.subarray(whole), Buffer.of(1)]))
  hash = compress(hash, length, last)
  length = add(length, vectorOfNumber(8n * BigInt(message.length - whole)))
  hash = compress(hash, ZERO, length)
  hash = compress(hash, ZERO, add(sum, last))
  return bytesOf(hash).subarray(32)
}

/** RFC 2104 for keys of at most a block. */
export function hmacStreebog256(key: Uint8Array, message: Uint8Array): Buffer {
  const padded = (pad: number) => Buffer.alloc(BLOCK_BYTES).map((_, index) => (key[index] ?? 0) ^ pad)
  const inner = streebog256(Buffer.concat([padded(0x36), message]))
  return streebog256(Buffer.concat([padded(0x5c), inner]))
}

/** g_N of the standard. */
function compress(hash: Vector, length: Vector, block: Vector): Vector {
  let key = transform(xor(hash, length))
  let state = block
  for (const roundKey of ROUND_KEYS) {
    state = transform(xor(state, key))
    key = transform(xor(key, roundKey))
  }
  return xor(xor(xor(state, key), hash), block)
}

/** S, P and L: substitutes the bytes, transposes them, and multiplies each word by the matrix. */
function transform(vector: Vector): Vector {
  const bytes = bytesOf(vector)
  return vector.map((_, row) => {
    let product = 0n
    for (let column = 0; column < WORDS; column++) {
      const byte = PI[bytes[8 * column + row] ?? 0] ?? 0
      for (let bit = 0; bit < 8; bit++) if ((byte >> bit) & 1) product ^= MATRIX[63 - 8 * column - bit] ?? 0n
    }
    return product
  })
}

function xor(one: Vector, other: Vector): Vector {
  return one.map((word, index) => word ^ (other[index] ?? 0n))
}

/** Modulo 2^512. */
function add(one: Vector, other: Vector): Vector {
  let carry = 0n
  return one.map((word, index) => {
    const sum = word + (other[index] ?? 0n) + carry
    carry = sum >> 64n
    return sum
  })
}

function vectorOfNumber(value: bigint): Vector {
  const vector = new BigUint64Array(WORDS)
  vector[0] = value
  return vector
}

/** Missing bytes are zero. */
function vectorOf(bytes: Uint8Array): Vector {
  const block = Buffer.alloc(BLOCK_BYTES)
  block.set(bytes)
  return ZERO.map((_, index) => block.readBigUInt64LE(8 * index))
}

function bytesOf(vector: Vector): Buffer {
  const bytes = Buffer.alloc(BLOCK_BYTES)
  for (const [index, word] of vector.entries()) bytes.writeBigUInt64LE(word, 8 * index)
  return bytes
}

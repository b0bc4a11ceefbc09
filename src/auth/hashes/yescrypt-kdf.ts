// yescrypt, the key derivation (yescrypt 1.1 by Alexander Peslyak, as libxcrypt computes it, without ROM and upgrades).
import { createHmac, hash as digestOf, pbkdf2Sync } from 'node:crypto'
import { Pwxform, TABLES_BYTES } from './pwxform.ts'
import { fill, pwxMix, rowOf, salsaMix, stir, writeRow, type BlockMix } from './smix.ts'

const KEY_BYTES = 32
/** From so much memory on, a cheaper run hashes the password first. */
const PREHASH_ROWS = 0x100
const PREHASH_BLOCKS = 0x20000
const PREHASH_SHARE = 64

export interface YescryptCosts {
  /** Whether the array is also written (the flavour in use), or read alone, as scrypt does with other prefixes. */
  readonly isReadWrite: boolean
  /** How many rows the array has; a power of two. */
  readonly N: number
  /** A row has 128 r bytes. */
  readonly r: number
  readonly p: number
  readonly t: number
}

/** 32 bytes. The caller has bounded the costs; N / p is at least 4. */
export function yescryptKdf(password: Buffer, salt: Buffer, costs: YescryptCosts): Buffer {
  const { isReadWrite, N, r, p } = costs
  const rows = Math.floor(N / p)
  if (!isReadWrite || rows < PREHASH_ROWS || rows * r < PREHASH_BLOCKS)
    return storedKey(derive(password, salt, costs))
  const before = derive(password, salt, { ...costs, N: N / PREHASH_SHARE, t: 0 }, 'yescrypt-prehash')
  return storedKey(derive(before, salt, costs))
}

/** As in SCRAM (RFC 5802 §3), so that a client could do all before it. */
function storedKey(key: Buffer): Buffer {
  return digestOf('sha256', hmac(key, 'Client Key'), 'buffer')
}

function derive(password: Buffer, salt: Buffer, costs: YescryptCosts, label = 'yescrypt'): Buffer {
  const { isReadWrite, N, r, p } = costs
  const bytes = pbkdf2(hmac(label, password), salt, 128 * r * p)
  // From here on, what the memory came from stands in for the password.
  let key: Buffer = Buffer.from(bytes.subarray(0, KEY_BYTES))
  const array = new Int32Array(32 * r * N)
  if (isReadWrite) key = mixTogether(bytes, array, costs, key)
  else for (const part of partsOf(bytes, p)) mixAlone(part, array, costs)
  return pbkdf2(key, bytes, KEY_BYTES)
}

/** One array for all parts: each fills a share of it, and then all of them read the whole. Answers the new key. */
function mixTogether(bytes: Buffer, array: Int32Array, { N, r, p, t }: YescryptCosts, key: Buffer): Buffer {
  const share = Math.floor(N / p)
  const all = loopsOf(share, t)
  const writing = evenUp(Math.floor(all / p))
  const rowWords = 32 * r
  const parts = partsOf(bytes, p).map((part) => ({ part, mix: tablesOf(part) }))
  const newKey = hmac(bytes.subarray(128 * r - 64, 128 * r), key)
  for (const [index, { part, mix }] of parts.entries()) {
    const start = index * evenDown(share)
    const own = array.subarray(
      rowWords * start,
      index < p - 1 ? rowWords * (start + evenDown(share)) : array.length,
    )
    mixRow(part, (row) => {
      fill(row, own, mix, true)
      stir(row, own, mix, writing, true)
    })
  }
  for (const { part, mix } of parts)
    mixRow(part, (row) => stir(row, array, mix, evenUp(all) - writing, false))
  return newKey
}

/** As scrypt does it. */
function mixAlone(bytes: Buffer, array: Int32Array, { N, t }: YescryptCosts): void {
  const loops = t === 1 ? N + Math.ceil(N / 2) : N * Math.max(1, t)
  mixRow(bytes, (row) => {
    fill(row, array, salsaMix, false)
    stir(row, array, salsaMix, evenUp(loops), false)
  })
}

/** The tables of pwxform are scrypt's array for the first 128 bytes, which it mixes too. */
function tablesOf(bytes: Buffer): BlockMix {
  const tables = new Int32Array(TABLES_BYTES / 4)
  mixRow(bytes.subarray(0, 128), (row) => fill(row, tables, salsaMix, false))
  return pwxMix(new Pwxform(tables))
}

/** How often the array is read, for N rows: a third of N for t = 0, two thirds for 1, and N (t - 1) from there on. */
function loopsOf(rows: number, t: number): number {
  return t <= 1 ? Math.ceil((rows * (t + 1)) / 3) : rows * (t - 1)
}

function mixRow(bytes: Buffer, mix: (row: Int32Array) => void): void {
  const row = rowOf(bytes)
  mix(row)
  writeRow(row, bytes)
}

function partsOf(bytes: Buffer, count: number): Buffer[] {
  const size = bytes.length / count
  return Array.from({ length: count }, (_, index) => bytes.subarray(index * size, (index + 1) * size))
}

function evenDown(value: number): number {
  return value - (value % 2)
}

function evenUp(value: number): number {
  return value + (value % 2)
}

function pbkdf2(password: Buffer, salt: Buffer, length: number): Buffer {
  return pbkdf2Sync(password, salt, 1, length, 'sha256')
}

function hmac(key: string | Buffer, message: string | Buffer): Buffer {
  return createHmac('sha256', key).update(message).digest()
}

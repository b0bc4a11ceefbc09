// How an access token is written: `dg_<id>_<secret><checksum>`, letters and digits alone, so that it can be pasted anywhere.
import { createHash, randomInt } from 'node:crypto'
import { crc32 } from 'node:zlib'

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const ID_LENGTH = 16
/** 43 letters out of 62 are 256 bits. */
const SECRET_LENGTH = 43
/** As many as 32 bits need. */
const CHECKSUM_LENGTH = 6
const FORM = /^dg_([0-9A-Za-z]{16})_([0-9A-Za-z]{43})([0-9A-Za-z]{6})$/
const ROBOT_NAME = /^robot:[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/

export interface NewToken {
  readonly id: string
  /** What the owner is shown, once. */
  readonly text: string
  readonly secretHash: Uint8Array
}

export interface PresentedToken {
  readonly id: string
  readonly secretHash: Uint8Array
}

export function createTokenText(): NewToken {
  const [id, secret] = [randomText(ID_LENGTH), randomText(SECRET_LENGTH)]
  return { id, text: formatTokenText(id, secret), secretHash: sha256(secret) }
}

export function formatTokenText(id: string, secret: string): string {
  return `dg_${id}_${secret}${checksumOf(id, secret)}`
}

/** Undefined for what is no token: the checksum tells one from a password that looks like it, and from a mistyped one. */
export function parseTokenText(text: string): PresentedToken | undefined {
  const [, id, secret, checksum] = FORM.exec(text) ?? []
  if (id === undefined || secret === undefined || checksum !== checksumOf(id, secret)) return undefined
  return { id, secretHash: sha256(secret) }
}

export function isTokenText(text: string): boolean {
  return parseTokenText(text) !== undefined
}

/** `robot:ci`: no account can be called so, as names in password files hold no colon. */
export function isRobotName(name: string): boolean {
  return ROBOT_NAME.test(name)
}

function randomText(length: number): string {
  return Array.from({ length }, () => ALPHABET[randomInt(ALPHABET.length)]).join('')
}

function checksumOf(id: string, secret: string): string {
  let [rest, text] = [crc32(`${id}_${secret}`), '']
  for (; text.length < CHECKSUM_LENGTH; rest = Math.floor(rest / ALPHABET.length))
    text = (ALPHABET[rest % ALPHABET.length] ?? '') + text
  return text
}

function sha256(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}

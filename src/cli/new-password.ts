// Passwords for accounts: asked for on the terminal, read from standard input, or made up.
import { randomInt } from 'node:crypto'
import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { text } from 'node:stream/consumers'

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
/** 22 letters out of 62 are 131 bits. */
const GENERATED_LENGTH = 22
/** bcrypt reads no more: the rest of a longer one could be anything. */
const MAX_BYTES = 72

/** Where a password comes from; by default the terminal. */
export interface PasswordSource {
  readonly passwordStdin?: true
  readonly generate?: true
}

export function generatePassword(): string {
  return Array.from({ length: GENERATED_LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]).join('')
}

/** Rejects with one line that says what to do. */
export async function readNewPassword({ passwordStdin, generate }: PasswordSource): Promise<string> {
  if (passwordStdin && generate) throw new Error('--generate and --password-stdin exclude each other')
  if (generate) return generatePassword()
  // The line's end is the shell's.
  if (passwordStdin) return checked((await text(process.stdin)).replace(/\r?\n$/, ''))
  if (!process.stdin.isTTY)
    throw new Error('there is no terminal to ask for the password: use --password-stdin or --generate')
  const [password = '', again] = await askHidden(['Password: ', 'The same again: '])
  if (again !== password) throw new Error('the two passwords differ; nothing was changed')
  return checked(password)
}

function checked(password: string): string {
  if (password === '') throw new Error('the password is empty')
  // No client can send one (RFC 7617 §2).
  if (/\p{Cc}/u.test(password))
    throw new Error('the password holds a control character, such as a line break')
  if (Buffer.byteLength(password) > MAX_BYTES)
    throw new Error(`the password is longer than ${MAX_BYTES} bytes, of which bcrypt reads no more`)
  return password
}

/** Standard output is for results, so standard error asks; what is typed is shown nowhere. */
async function askHidden(questions: readonly string[]): Promise<string[]> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
  // Opened before the first question and closed after the last: what is typed ahead must not be shown either.
  const terminal = createInterface({ input: process.stdin, output: nowhere, terminal: true })
  const given = new AbortController()
  terminal.once('SIGINT', () => given.abort()).once('close', () => given.abort())
  try {
    const answers: string[] = []
    for (const question of questions) {
      process.stderr.write(question)
      answers.push(await terminal.question('', { signal: given.signal }))
      process.stderr.write('\n')
    }
    return answers
  } catch (cause) {
    process.stderr.write('\n')
    throw new Error('no password was given; nothing was changed', { cause })
  } finally {
    terminal.close()
  }
}

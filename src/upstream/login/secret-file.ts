// A secret in a file, read again when the file has changed: as mounted secrets do, without a word.
import { open } from 'node:fs/promises'
import { SingleFlight } from '../../cache/single-flight.ts'
import { UpstreamUnavailableError } from '../errors.ts'
import type { Renewable } from './login-source.ts'

/** How long what was read is used without another look at the file. */
const LOOK_AGAIN_MS = 1_000
/** Secrets are short; a larger file is some other file. */
const MAX_BYTES = 64 * 1024

/** The secret in `path`, without the line break at its end. While the file can not be read, what it held before is good. */
export function secretFile(path: string, maxBytes = MAX_BYTES): Renewable<string> {
  const flights = new SingleFlight<string>()
  let known: { readonly secret: string; readonly version: string } | undefined
  let lookAgainAt = 0

  async function look(): Promise<string> {
    lookAgainAt = performance.now() + LOOK_AGAIN_MS
    try {
      known = await read(path, known, maxBytes)
    } catch (cause) {
      if (!known) throw new UpstreamUnavailableError(`${path} holds nothing that can be read`, { cause })
    }
    return known.secret
  }

  return {
    async current() {
      return known && performance.now() < lookAgainAt ? known.secret : flights.run('', look)
    },
    refused() {
      lookAgainAt = 0
    },
  }
}

async function read(path: string, known: { secret: string; version: string } | undefined, maxBytes: number) {
  await using file = await open(path)
  const { size, mtimeMs, ino } = await file.stat()
  const version = `${ino} ${mtimeMs} ${size}`
  if (known?.version === version) return known
  if (size > maxBytes) throw new Error('too large for a secret')
  const secret = (await file.readFile('utf8')).replace(/\r?\n$/, '')
  // A file that is being written anew is empty for a moment.
  if (secret === '') throw new Error('empty')
  return { secret, version }
}

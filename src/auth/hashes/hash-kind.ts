// What is known of one kind of password hash.
import { hash as digestOf, timingSafeEqual } from 'node:crypto'

/** What a hash of a kind says about itself. */
export interface HashTraits {
  /** Hashes of one kind and cost take equally long to verify, as `4096 rounds` do. */
  readonly cost: string
  /** Why whoever gets hold of the hash soon has the password; undefined when that takes long. */
  readonly weakness?: string | undefined
  /** Why verifying it would take time or memory that no login is worth: then no password is right. */
  readonly excess?: string | undefined
}

export interface HashKind {
  /** As the kind is called in reports. */
  readonly name: string
  /** All hashes of the kind, and nothing else; what nginx would refuse may match. */
  readonly pattern: RegExp
  traits(hash: string): HashTraits
  /**
   * The hash of a password with the salt and the costs of `hash`, as crypt(3) writes it: it equals `hash` when the password
   * is right. Undefined when the salt or the costs make no sense.
   */
  compute(password: Buffer, hash: string): string | undefined
}

const MIB = 1024 * 1024
const FEW_BYTES = MIB
/** Two may be computed at once. */
const MOST_BYTES = 256 * MIB
/** About four seconds of yescrypt. */
const MOST_WORK_BYTES = 512 * MIB

/** Whether two texts are the same, in a time that does not tell where they differ. */
export function isSame(one: string, other: string): boolean {
  return timingSafeEqual(digestOf('sha256', one, 'buffer'), digestOf('sha256', other, 'buffer'))
}

/** What is wrong with a number of rounds, if anything. */
export function roundsTraits(rounds: number, { few, most }: { few: number; most: number }): HashTraits {
  return {
    cost: `${rounds} rounds`,
    weakness: rounds < few ? `it has fewer than ${few} rounds` : undefined,
    excess: rounds > most ? `it asks for ${rounds} rounds, of which at most ${most} are computed` : undefined,
  }
}

/** What is wrong with an amount of memory, or with how often it is gone through. */
export function memoryTraits({ bytes, passes }: { bytes: number; passes: number }): HashTraits {
  return {
    cost: `${bytes} bytes ${passes} times`,
    weakness: bytes < FEW_BYTES ? 'it takes less than 1 MiB of memory' : undefined,
    excess: excessOf(bytes, passes),
  }
}

function excessOf(bytes: number, passes: number): string | undefined {
  if (bytes > MOST_BYTES) return `it asks for more than ${MOST_BYTES / MIB} MiB of memory`
  if (bytes * passes > MOST_WORK_BYTES)
    return `it goes through more than ${MOST_WORK_BYTES / MIB} MiB of memory`
  return undefined
}

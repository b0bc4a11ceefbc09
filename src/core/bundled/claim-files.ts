// The files that claim an upload session: `claim-<number>` beside its bytes, which registry:2 ignores.
import { PathNotFoundError, type StorageDriver } from '../../storage/driver.ts'
import { parseProcessIdentity, type ProcessIdentity } from '../../storage/process-identity.ts'

export interface ClaimRecord {
  /** Tells claims of one process apart. */
  readonly token: string
  readonly owner: ProcessIdentity
  /** Counts up while the owner lives. */
  readonly beat: number
  readonly isReleased?: boolean
}

const NAME = /^claim-(\d{10})$/
const MAX_CLAIM_BYTES = 4096

export function claimPath(folder: string, number: number): string {
  return `${folder}/claim-${String(number).padStart(10, '0')}`
}

/** The numbers of all claims, in order: the last one counts, the others are void. */
export async function claimNumbers(driver: StorageDriver, folder: string): Promise<number[]> {
  const numbers: number[] = []
  for await (const { name } of driver.list(folder)) {
    const number = NAME.exec(name)?.[1]
    if (number !== undefined) numbers.push(Number(number))
  }
  return numbers
}

/** Undefined when it is gone or does not make sense. */
export async function readClaim(
  driver: StorageDriver,
  folder: string,
  number: number,
): Promise<ClaimRecord | undefined> {
  try {
    const bytes = await driver.readAll(claimPath(folder, number), { maxBytes: MAX_CLAIM_BYTES })
    return parseClaim(JSON.parse(bytes.toString()))
  } catch (error) {
    const isNone = error instanceof PathNotFoundError || error instanceof RangeError
    if (isNone || error instanceof SyntaxError) return undefined
    throw error
  }
}

function parseClaim(json: unknown): ClaimRecord | undefined {
  if (!isObject(json)) return undefined
  const { token, beat, isReleased } = json
  const owner = parseProcessIdentity(json.owner)
  if (typeof token !== 'string' || typeof beat !== 'number' || owner === undefined) return undefined
  return { token, beat, owner, isReleased: isReleased === true }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

// Who works on an upload session: one request at a time, in whatever process. Small files in the session's folder say so.
import { randomUUID } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { noPeers, type Peers } from '../../cache/peers.ts'
import { RegistryError } from '../../oci/error.ts'
import type { StorageDriver } from '../../storage/driver.ts'
import { livenessOf, thisProcess } from '../../storage/process-identity.ts'
import { claimNumbers, claimPath, readClaim, type ClaimRecord } from './claim-files.ts'

export interface SessionClaimsOptions {
  /** How often a claim shows that its process is alive (ms); 5 s. */
  readonly beatMs?: number
  /** How long a claim of a process out of reach has to show nothing before it is taken over (ms); 30 s. */
  readonly silentMs?: number
  /** The other processes of this gateway. */
  readonly peers?: Peers
}

/** A request's hold on a session. */
export interface SessionClaim {
  /** The one before was not seen to end: it may still write. */
  readonly isTakenOver: boolean
  /** Rejects with 409 when another process has taken the session over: nothing may be acknowledged then. */
  requireHeld(): Promise<void>
  /** Lets others work on the session. */
  release(): Promise<void>
  /** Ends the claim without a trace: the session's folder is about to go. */
  end(): Promise<void>
}

interface Sighting {
  readonly beat: string
  readonly since: number
}

/** Tokens of the claims that requests of this process hold now, over all stores: what it claimed else is void. */
const ACTIVE = new Set<string>()
const MAX_SIGHTINGS = 10_000
const TOPIC = 'claims of upload sessions'

/**
 * Claims are numbered; the highest holds. A number is never used twice, so that a process which comes back late can
 * neither renew nor remove the claim of another. No clocks are compared: silence is measured by the one who waits.
 */
export class SessionClaims {
  readonly #driver: StorageDriver
  readonly #beatMs: number
  readonly #silentMs: number
  readonly #peers: Peers
  readonly #sightings = new LRUCache<string, Sighting>({ max: MAX_SIGHTINGS })

  constructor(driver: StorageDriver, options: SessionClaimsOptions = {}) {
    const { beatMs = 5_000, silentMs = 30_000, peers = noPeers() } = options
    this.#driver = driver
    this.#beatMs = beatMs
    this.#silentMs = silentMs
    this.#peers = peers
    peers.answer(TOPIC, async (question) => {
      const [owner, token] = question as readonly [string, string] // see #isVoid
      return (await thisProcess()).id === owner ? ACTIVE.has(token) : null
    })
  }

  /** Claims the session in `folder`, which must exist. Rejects with 409 while another request has it. */
  async take(folder: string): Promise<SessionClaim> {
    const before = (await claimNumbers(this.#driver, folder)).at(-1)
    const isTakenOver = before !== undefined && (await this.#succeeds(folder, before))
    const record = { token: randomUUID(), owner: await thisProcess(), beat: 0 }
    const number = (before ?? 0) + 1
    ACTIVE.add(record.token)
    try {
      if (!(await this.#driver.writeNew(claimPath(folder, number), bytesOf(record)))) throw busy()
      // Void claims are removed, so this number may have been used up between looking and writing.
      const numbers = await this.#requireHighest(folder, number)
      for (const lower of numbers.slice(0, -1))
        await this.#driver.delete(claimPath(folder, lower), { durable: false })
    } catch (error) {
      ACTIVE.delete(record.token)
      throw error
    }
    return this.#held(folder, number, record, isTakenOver)
  }

  #held(folder: string, number: number, record: ClaimRecord, isTakenOver: boolean): SessionClaim {
    const path = claimPath(folder, number)
    let writing: Promise<void> = Promise.resolve()
    let { beat } = record
    const write = (changes: Partial<ClaimRecord>) =>
      // A full disk costs a beat, nothing else.
      this.#driver
        .writeAll(path, bytesOf({ ...record, ...changes }), { durable: false })
        .catch(() => undefined)
    const beats = setInterval(() => {
      writing = writing.then(() => write({ beat: (beat += 1) }))
    }, this.#beatMs)
    const end = async () => {
      clearInterval(beats)
      await writing
      return ACTIVE.delete(record.token)
    }
    return {
      isTakenOver,
      requireHeld: async () => void (await this.#requireHighest(folder, number)),
      end: async () => void (await end()),
      release: async () => void ((await end()) && (await write({ beat, isReleased: true }))),
    }
  }

  /** Whether the claim is to be taken over from somebody who may be alive. Rejects with 409 while it holds. */
  async #succeeds(folder: string, number: number): Promise<boolean> {
    const record = await readClaim(this.#driver, folder, number)
    if (record?.isReleased === true) return false
    const liveness = record === undefined ? 'unknown' : await livenessOf(record.owner)
    if (liveness === 'gone') return false
    // Our own that is not at work any more could not be released, on a full disk.
    if (liveness === 'self' && record !== undefined && !ACTIVE.has(record.token)) return false
    if (liveness === 'running' && record !== undefined && (await this.#isVoid(record))) return false
    if (liveness === 'self' || !this.#isSilent(folder, number, record)) throw busy()
    return true
  }

  /** The same of another process of this gateway, which says so itself. */
  async #isVoid({ owner, token }: ClaimRecord): Promise<boolean> {
    return (await this.#peers.ask(TOPIC, [owner.id, token])).includes(false)
  }

  #isSilent(folder: string, number: number, record: ClaimRecord | undefined): boolean {
    const beat = `${number} ${record?.token} ${record?.beat}`
    const seen = this.#sightings.get(folder)
    if (seen?.beat === beat) return performance.now() - seen.since >= this.#silentMs
    this.#sightings.set(folder, { beat, since: performance.now() })
    return false
  }

  async #requireHighest(folder: string, number: number): Promise<readonly number[]> {
    const numbers = await claimNumbers(this.#driver, folder)
    if (numbers.at(-1) !== number) throw busy()
    return numbers
  }
}

function bytesOf(record: ClaimRecord): Buffer {
  return Buffer.from(JSON.stringify(record))
}

function busy(): RegistryError {
  return new RegistryError('BLOB_UPLOAD_INVALID', 'another request writes to this upload session', {
    status: 409,
    headers: { 'Retry-After': '1' },
  })
}

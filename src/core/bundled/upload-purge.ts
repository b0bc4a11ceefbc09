// Removes upload sessions that nobody goes on with, in the background: registry:2's upload purging, but by last activity.
import { channel } from 'node:diagnostics_channel'
import { parseRepositoryName, type RepositoryName } from '../../oci/repository-name.ts'
import type { StorageDriver } from '../../storage/driver.ts'
import { modifiedAt } from '../../storage/modified-at.ts'
import { REPOSITORIES_FOLDER, UPLOADS_COMPONENT, uploadsFolder } from '../content/layout.ts'
import type { SessionClaims } from './session-claims.ts'
import { UploadSession } from './upload-session.ts'

/** Publishes a {@link PurgeReport} after each pass that removed something or failed somewhere. */
export const UPLOADS_PURGED = channel('dockgate:uploads:purged')

export interface PurgeReport {
  readonly purged: number
  /** Sessions that could not be looked at or removed: they are tried again the next time. */
  readonly failures: readonly unknown[]
}

export interface UploadPurgeOptions {
  readonly driver: StorageDriver
  readonly claims: SessionClaims
  /** Sessions whose files have not changed for so long are removed. */
  readonly olderThanMs: number
}

const DAY_MS = 24 * 3600_000
const HOUR_MS = 3600_000
/** What is kept of failures in one pass. */
const MAX_FAILURES = 10

/** Removes every stale session once. One that a request works on, in whatever process, is left alone. */
export async function purgeUploads(options: UploadPurgeOptions, signal?: AbortSignal): Promise<PurgeReport> {
  const failures: unknown[] = []
  let purged = 0
  for await (const { repository, id } of walkUploads(options.driver)) {
    if (signal?.aborted === true) break
    try {
      if (await purgeStale(options, repository, id)) purged += 1
    } catch (error) {
      if (failures.length < MAX_FAILURES) failures.push(error)
    }
  }
  return { purged, failures }
}

/** Purges now and then until it is closed. */
export class UploadPurge {
  readonly #options: UploadPurgeOptions
  readonly #intervalMs: number
  readonly #stopped = new AbortController()
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> = Promise.resolve()

  constructor(options: UploadPurgeOptions) {
    this.#options = options
    this.#intervalMs = Math.min(DAY_MS, Math.max(1000, options.olderThanMs / 2))
    // Processes that were started together need not walk the store together.
    this.#schedule(Math.random() * Math.min(HOUR_MS, this.#intervalMs))
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer)
    this.#stopped.abort()
    await this.#running
  }

  #schedule(afterMs: number): void {
    this.#timer = setTimeout(() => {
      this.#running = this.#pass().then(() => {
        if (!this.#stopped.signal.aborted) this.#schedule(this.#intervalMs)
      })
    }, afterMs).unref()
  }

  async #pass(): Promise<void> {
    const report = await purgeUploads(this.#options, this.#stopped.signal).catch((error: unknown) => ({
      purged: 0,
      failures: [error],
    }))
    if (report.purged > 0 || report.failures.length > 0) UPLOADS_PURGED.publish(report)
  }
}

async function purgeStale(
  { driver, claims, olderThanMs }: UploadPurgeOptions,
  repository: RepositoryName,
  id: string,
): Promise<boolean> {
  const session = new UploadSession(driver, repository, id)
  const before = await lastChange(driver, session.folder)
  if (before === undefined || Date.now() - before < olderThanMs) return false
  if (!(await claimed(session, claims))) return false
  try {
    // A request may have come and gone before the claim.
    const now = await lastChange(driver, session.folder, /^claim-/)
    if (now !== undefined && now > before) return false
    await session.delete()
    return true
  } finally {
    await session.release()
  }
}

async function claimed(session: UploadSession, claims: SessionClaims): Promise<boolean> {
  try {
    await session.claim(claims)
    return true
  } catch (error) {
    if (error instanceof Error && 'status' in error && error.status === 409) return false
    throw error
  }
}

/** When a file of the session was written last (ms since the epoch); undefined for a session that is being made. */
async function lastChange(
  driver: StorageDriver,
  folder: string,
  except?: RegExp,
): Promise<number | undefined> {
  let latest: number | undefined
  for await (const { name, isFolder } of driver.list(folder)) {
    if (isFolder || except?.test(name) === true) continue
    // One that was just removed: somebody works there.
    const changedAt = (await modifiedAt(driver, `${folder}/${name}`)) ?? Date.now()
    latest = Math.max(latest ?? 0, changedAt)
  }
  return latest
}

/** Every session, also in repositories that hold nothing yet. */
async function* walkUploads(
  driver: StorageDriver,
  name = '',
): AsyncGenerator<{ repository: RepositoryName; id: string }> {
  const repository = parseRepositoryName(name)
  const folder = name === '' ? REPOSITORIES_FOLDER : `${REPOSITORIES_FOLDER}/${name}`
  for await (const entry of driver.list(folder)) {
    if (entry.name === UPLOADS_COMPONENT && repository !== undefined) {
      for await (const { name: id } of driver.list(uploadsFolder(repository)))
        if (UploadSession.isId(id)) yield { repository, id }
    } else if (entry.isFolder && !entry.name.startsWith('_')) {
      yield* walkUploads(driver, name === '' ? entry.name : `${name}/${entry.name}`)
    }
  }
}

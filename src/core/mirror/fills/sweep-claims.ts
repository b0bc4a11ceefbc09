// Takes away what fills left behind that nobody went on with.
import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { codeOf } from '../../../storage/system-error.ts'
import type { FillClaims } from './fill-claims.ts'
import { SeenClaim } from './seen-claim.ts'

/** How long what a process left behind waits for the client that comes back. */
const KEPT_MS = 15 * 60 * 1000

export async function sweepClaims(folder: string, claims: FillClaims): Promise<void> {
  const named = new Set<string>()
  for (const name of await filesIn(folder)) {
    if (!name.endsWith('.claim')) continue
    const data = await sweepClaim(join(folder, name), claims)
    if (data !== undefined) named.add(data)
  }
  // Bytes without a claim, and claims that were never put in their place.
  for (const name of await filesIn(folder))
    if (/\.(data|tmp)$/.test(name) && !named.has(join(folder, name))) await removeOld(join(folder, name))
}

/** The path of its bytes, when it stays. */
async function sweepClaim(path: string, claims: FillClaims): Promise<string | undefined> {
  const seen = await SeenClaim.open(path)
  if (seen === undefined) return undefined
  try {
    if (Date.now() - (await seen.lastChange()) < KEPT_MS || !(await seen.isFree())) return seen.dataPath
    await claims.alone(async () => {
      const now = await SeenClaim.open(path)
      await now?.close()
      if (now?.text?.token !== seen.text?.token) return
      await seen.removeData()
      await rm(path, { force: true })
    })
    return undefined
  } finally {
    await seen.close()
  }
}

async function removeOld(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined)
  if (found && Date.now() - found.mtimeMs > KEPT_MS) await rm(path, { force: true })
}

async function filesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return []
    throw error
  }
}

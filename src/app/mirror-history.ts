// What a mirrored tag meant over time, for a command: read from the store, whoever serves it at the moment.
import type { Config } from '../config/config.ts'
import { Glob } from '../access/patterns.ts'
import { ContentStore } from '../core/content/content-store.ts'
import type { HeldDigest } from '../core/mirror/tag-hold.ts'
import type { TagRun } from '../core/mirror/tag-history.ts'
import { TagStates } from '../core/mirror/tag-states.ts'
import type { Tag } from '../oci/reference.ts'
import type { RepositoryName } from '../oci/repository-name.ts'
import { createStorageDriver } from '../storage/create-driver.ts'
import { buildNaming } from './build-policy.ts'

export interface MirrorHistory {
  /** As grants and logs know it: `docker.io/library/alpine`. */
  readonly repository: RepositoryName
  /** The oldest first. */
  readonly runs: readonly TagRun[]
  /** What is not served yet. */
  readonly held: HeldDigest | undefined
}

/** Rejects with one line when no route mirrors the name. */
export async function mirrorHistory(config: Config, name: string, tag: Tag): Promise<MirrorHistory> {
  const repository = buildNaming(config).canonical({ name, host: undefined })
  const route = config.repositories.find(({ pattern }) => new Glob(pattern).matches(repository))
  const mirror = route?.kind === 'mirror' ? route : undefined
  const store = mirror && config.stores.get(mirror.store)
  if (store === undefined) throw new Error(`${repository} is not mirrored: no route of a mirror speaks of it`)
  const driver = createStorageDriver(store)
  try {
    const states = new TagStates(new ContentStore(driver))
    const runs = await states.history(repository, tag)
    // Where nothing is held any more, the tag's state is as old as the last question.
    const held = mirror?.hold && (await states.load(repository, tag))?.held
    return { repository, runs, held }
  } finally {
    await driver.close()
  }
}

// What a mirrored tag meant over time, for a command: read from the store, whoever serves it at the moment.
import type { Config } from '../config/config.ts'
import { Glob } from '../access/patterns.ts'
import { ContentStore } from '../core/content/content-store.ts'
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
}

/** Rejects with one line when no route mirrors the name. */
export async function mirrorHistory(config: Config, name: string, tag: Tag): Promise<MirrorHistory> {
  const repository = buildNaming(config).canonical({ name, host: undefined })
  const route = config.repositories.find(({ pattern }) => new Glob(pattern).matches(repository))
  const store = route?.kind === 'mirror' ? config.stores.get(route.store) : undefined
  if (store === undefined) throw new Error(`${repository} is not mirrored: no route of a mirror speaks of it`)
  const driver = createStorageDriver(store)
  try {
    return { repository, runs: await new TagStates(new ContentStore(driver)).history(repository, tag) }
  } finally {
    await driver.close()
  }
}

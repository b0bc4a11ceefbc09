// Work on a store, by whoever may do it: the gateway that serves the store, or this process when none does.
import { Glob } from '../access/patterns.ts'
import type { StoreOperations } from '../admin/store-api.ts'
import type { Config, StoreConfig } from '../config/config.ts'
import { loadConfig } from '../config/load.ts'
import { pushedStoreOf, pushedStores } from '../config/pushed-stores.ts'
import { StoreBusyError, StoreLock, storeOwner } from '../core/bundled/store-lock.ts'
import { parseRepositoryName, type RepositoryName } from '../oci/repository-name.ts'
import { callOperation } from './admin-client.ts'
import { nearby } from './nearby.ts'

export interface StoreWork {
  readonly store: StoreConfig
  /** As the admin API calls it. */
  readonly operation: string
  readonly input: object
  /** Changes nothing: several of them may run beside anything. */
  readonly isReading?: boolean
  readonly onStep?: (step: object) => void
  /** Opens the operations of the store where no gateway serves it; by default those of a store that keeps pushes. */
  readonly open?: (opened: AsyncDisposableStack) => Promise<StoreOperations>
}

/** The options that every command on stores has. */
export interface StoreCommandOptions {
  readonly config?: string
  readonly json?: true
}

export function readConfig({ config }: StoreCommandOptions): Promise<Config> {
  return loadConfig(config, process.env)
}

/**
 * Runs an operation and answers its result. Ctrl-C ends it in good order, a second one at once. Rejects with one line that
 * says what is wrong.
 */
export async function workOn(work: StoreWork): Promise<object> {
  const stopped = new AbortController()
  const stop = () => stopped.abort()
  process.once('SIGINT', stop).once('SIGTERM', stop)
  // As in `dockgate gc --json | head -1`: who does not read to the end does not want the rest.
  process.stdout.on('error', stop)
  try {
    const steps = await stepsOf(work, stopped.signal)
    for (;;) {
      const { done, value } = await steps.next()
      if (done) return value
      work.onStep?.(value)
    }
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop)
  }
}

/** The stores that keep pushes: all of them, or the one of that name. */
export function storesNamed({ stores, repositories }: Config, name: string | undefined): StoreConfig[] {
  const kept = pushedStores({ repositories })
  const known = [...stores.values()].filter((store) => kept.has(store.name))
  const chosen = name === undefined ? known : known.filter((store) => store.name === name)
  if (chosen.length > 0) return chosen
  if (name === undefined) throw new Error('the configuration has no store that keeps pushes')
  throw new Error(
    stores.has(name)
      ? `the store ${name} keeps a mirror: this command is for stores that keep pushes`
      : `there is no store ${name}: the configuration has ${known.map((store) => store.name).join(', ')}`,
  )
}

/** The store that keeps a repository. */
export function storeOf({ stores, repositories }: Config, repository: RepositoryName): StoreConfig {
  const route = repositories.find(({ pattern }) => new Glob(pattern).matches(repository))
  if (route === undefined) throw new Error(`no route of the configuration speaks of ${repository}`)
  const store = stores.get(pushedStoreOf(route) ?? '')
  if (store !== undefined) return store
  const verb = route.kind === 'mirror' ? 'mirrored' : 'passed through'
  throw new Error(
    `${repository} is ${verb} (${route.pattern}): this command is for repositories that are kept here`,
  )
}

async function stepsOf(work: StoreWork, signal: AbortSignal): Promise<AsyncGenerator<object, object, void>> {
  const { store, operation, input, isReading } = work
  const { root } = store.filesystem
  const owner = await storeOwner(root)
  if (owner?.office) return callOperation(owner.office, { store: store.name, operation, input }, signal)
  if (owner !== undefined && !isReading) throw new StoreBusyError(nearby(root), owner)
  return runHere(work, signal)
}

async function* runHere(
  { store, operation, input, isReading = false, open }: StoreWork,
  signal: AbortSignal,
): AsyncGenerator<object, object, void> {
  await using opened = new AsyncDisposableStack()
  if (!isReading) {
    const lock = await StoreLock.take(store.filesystem.root)
    opened.defer(() => lock.release())
  }
  const openHere = open ?? ((stack) => openPushed(store, isReading, stack))
  const run = (await openHere(opened))[operation]
  if (!run) throw new Error(`the store ${store.name} has no operation ${operation}`)
  return yield* run(input, signal)
}

async function openPushed(
  store: StoreConfig,
  isReading: boolean,
  opened: AsyncDisposableStack,
): Promise<StoreOperations> {
  // Imported here, so that a command which asks a running gateway does not load one.
  const { openStore } = await import('../app/open-store.ts')
  return openStore(store, { isReading }, opened)
}

/** What a command line's `REPOSITORY[:TAG|@DIGEST]` names. */
export interface Target {
  readonly repository: RepositoryName
  /** A tag or a digest, as written. */
  readonly reference: string | undefined
}

export function parseTarget(text: string): Target {
  const at = text.indexOf('@')
  const colon = text.indexOf(':')
  const end = at >= 0 ? at : colon
  const name = end < 0 ? text : text.slice(0, end)
  const repository = parseRepositoryName(name)
  if (repository === undefined) throw new Error(`${JSON.stringify(name)} is not the name of a repository`)
  return { repository, reference: end < 0 ? undefined : text.slice(end + 1) }
}

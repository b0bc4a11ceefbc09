// What can be done to a store that keeps pushes, by name: for the admin API and for commands without a running gateway.
import { z } from 'zod'
import { ANONYMOUS } from '../access/identity.ts'
import type { StoreOperation, StoreOperations } from '../admin/store-api.ts'
import { deleteContent, type DeletableStore } from '../core/bundled/content-commands/delete.ts'
import {
  inspectImage,
  requireRepository,
  summarizeRepository,
} from '../core/bundled/content-commands/inspect.ts'
import { GcRefusedError, type Collector, type CollectOptions } from '../core/bundled/gc/collector.ts'
import { rebuildIndex } from '../core/bundled/content-commands/rebuild-index.ts'
import { applyRetention, type RetainedStore } from '../core/bundled/retention/retention.ts'
import { scrub } from '../core/bundled/scrub/scrub.ts'
import type { RequestContext } from '../core/registry.ts'
import { ACCEPT_ANYTHING } from '../oci/accept.ts'
import { RegistryError } from '../oci/error.ts'
import { parseReference } from '../oci/reference.ts'
import { parseRepositoryName } from '../oci/repository-name.ts'

/** A store with all that its operations work through. */
export type OperatedStore = DeletableStore &
  RetainedStore & {
    readonly collector: Collector
    /** How long the collector leaves alone what clients were told of. */
    readonly graceMs: number
  }

const TAGS_PER_STEP = 500
const DEFAULT_SCRUB_RATE = 50 * 2 ** 20

const repository = z
  .string()
  .transform((text, context) => parseRepositoryName(text) ?? invalid(context, text))
const reference = z.string().transform((text, context) => parseReference(text) ?? invalid(context, text))

const tagsInput = z.strictObject({ repository })
const imageInput = z.strictObject({ repository, reference: reference.optional() })
const deleteInput = z.strictObject({
  repository,
  reference: reference.optional(),
  dryRun: z.boolean().default(false),
  force: z.boolean().default(false),
})
const scrubInput = z.strictObject({
  bytesPerSecond: z.int().min(1).default(DEFAULT_SCRUB_RATE),
  fresh: z.boolean().default(false),
})
const gcInput = z.strictObject({
  dryRun: z.boolean().default(false),
  untagged: z.boolean().default(false),
  graceMs: z.int().min(0).optional(),
})
const retentionInput = z.strictObject({ dryRun: z.boolean().default(false) })
const noInput = z.strictObject({})

export function storeOperations(store: OperatedStore): StoreOperations {
  return {
    tags: operation(tagsInput, (input) => listTags(store, input)),
    inspect: operation(imageInput, (input) => once(() => inspect(store, input))),
    delete: operation(deleteInput, (input, signal) =>
      once(() => deleteContent(store, input, { ...NOBODY, signal })),
    ),
    scrub: oneAtATime(
      operation(scrubInput, (input, signal) => {
        requireWritable(store)
        return scrub(store.content, { ...input, signal })
      }),
    ),
    gc: operation(gcInput, (input, signal) => collectGarbage(store, { ...input, signal })),
    retention: oneAtATime(
      operation(retentionInput, (input, signal) => {
        if (!input.dryRun) requireWritable(store)
        return applyRetention(store, store.rules, { ...input, signal })
      }),
    ),
    'rebuild-index': oneAtATime(
      operation(noInput, (_input, signal) => {
        requireWritable(store)
        return rebuildIndex(store, { signal })
      }),
    ),
  }
}

function requireWritable({ readOnly }: Pick<OperatedStore, 'readOnly'>): void {
  if (readOnly) throw new RegistryError('UNSUPPORTED', 'the store is read-only')
}

const NOBODY: Omit<RequestContext, 'signal'> = { identity: ANONYMOUS, accept: ACCEPT_ANYTHING }

async function* listTags(
  { content }: OperatedStore,
  { repository: name }: z.output<typeof tagsInput>,
): AsyncGenerator<object, object, void> {
  await requireRepository(content, name)
  let tags: object[] = []
  let count = 0
  for await (const state of content.tags.states(name)) {
    // As text, also where it crosses no network.
    tags.push({ ...state, pushedAt: state.pushedAt.toISOString() })
    count += 1
    if (tags.length < TAGS_PER_STEP) continue
    yield { tags }
    tags = []
  }
  if (tags.length > 0) yield { tags }
  return { repository: name, count }
}

function inspect(
  { content }: OperatedStore,
  { repository: name, reference: asked }: z.output<typeof imageInput>,
): Promise<object> {
  return asked === undefined ? summarizeRepository(content, name) : inspectImage(content, name, asked)
}

async function* collectGarbage(
  { collector, graceMs, readOnly }: OperatedStore,
  options: Omit<CollectOptions, 'graceMs'> & { graceMs?: number | undefined },
): AsyncGenerator<object, object, void> {
  if (!options.dryRun) requireWritable({ readOnly })
  if ((options.graceMs ?? 0) > graceMs)
    throw new RegistryError('UNSUPPORTED', 'the grace can be shorter than the configured one, not longer', {
      status: 400,
    })
  try {
    return yield* collector.collect({ ...options, graceMs: options.graceMs ?? graceMs })
  } catch (error) {
    if (!(error instanceof GcRefusedError)) throw error
    throw new RegistryError('UNAVAILABLE', error.message, { cause: error })
  }
}

/** Work that tells nothing before it is done. */
async function* once(work: () => Promise<object>): AsyncGenerator<object, object, void> {
  yield* []
  return await work()
}

function operation<Input>(
  schema: z.ZodType<Input>,
  run: (input: Input, signal: AbortSignal) => AsyncGenerator<object, object, void>,
): StoreOperation {
  return async function* (input, signal) {
    const parsed = schema.safeParse(input)
    if (!parsed.success) throw badInput(parsed.error)
    return yield* run(parsed.data, signal)
  }
}

/** Two of them would work against each other. */
function oneAtATime(run: StoreOperation): StoreOperation {
  let isRunning = false
  return async function* (input, signal) {
    if (isRunning) throw new RegistryError('UNAVAILABLE', 'the same work is running on this store already')
    isRunning = true
    try {
      return yield* run(input, signal)
    } finally {
      isRunning = false
    }
  }
}

function badInput(error: z.ZodError): RegistryError {
  const [issue] = error.issues
  const where = issue?.path.join('.') ?? ''
  const message = `${where === '' ? '' : `${where}: `}${issue?.message ?? 'the input is not valid'}`
  return new RegistryError('UNSUPPORTED', message, { status: 400 })
}

function invalid(context: z.RefinementCtx, text: string): never {
  context.addIssue({ code: 'custom', message: `${JSON.stringify(text.slice(0, 300))} is not valid` })
  return z.NEVER
}

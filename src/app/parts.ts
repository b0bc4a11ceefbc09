// What every process of a gateway is made of that knows its repositories and its accounts, whether it serves clients or not.
import type { Naming } from '../access/naming.ts'
import type { Peers } from '../cache/peers.ts'
import type { Config } from '../config/config.ts'
import { OriginResolver } from '../server/origin.ts'
import type { Logger } from '../telemetry/log.ts'
import { buildAuth, type Auth } from './build-auth.ts'
import { buildCaches } from './build-caches.ts'
import { buildNaming } from './build-policy.ts'
import { buildRegistry, type BuiltRegistry } from './build-registry.ts'
import { Upstreams } from './build-upstreams.ts'
import { logEvents } from './log-events.ts'
import { mirrorOperations } from './mirror-operations.ts'
import { TokenKeyFiles } from './token-key-files.ts'

export interface Parts extends BuiltRegistry {
  readonly auth: Auth
  readonly keyFiles: TokenKeyFiles
  readonly upstreams: Upstreams
  readonly naming: Naming
  readonly origins: OriginResolver
}

export interface PartsOptions {
  readonly logger: Logger
  readonly peers: Peers
}

/** What is opened is closed with `stack`. What only one process may do is done by the primary. */
export async function buildParts(
  config: Config,
  { logger, peers }: PartsOptions,
  stack: AsyncDisposableStack,
): Promise<Parts> {
  logEvents(logger, stack)
  const caches = await buildCaches(config.cache, peers)
  stack.defer(() => caches.close())
  const keyFiles = new TokenKeyFiles(config, peers)
  const upstreams = new Upstreams(config, { keyFiles, logger, peers })
  stack.defer(() => upstreams.close())
  const built = await buildRegistry(config, { caches, upstreams, peers }, stack)
  const auth = await buildAuth(config, { keyFiles, logger, peers }, stack)
  const naming = buildNaming(config)
  const mirrors = peers.isPrimary ? mirrorOperations(config, built.registry, naming) : []
  return {
    ...built,
    operations: new Map([...built.operations, ...mirrors]),
    auth,
    keyFiles,
    upstreams,
    naming,
    origins: new OriginResolver(config),
  }
}

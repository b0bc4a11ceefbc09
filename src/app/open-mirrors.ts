// The mirrors of a configuration for a command that works without a gateway.
import type { StoreOperations } from '../admin/store-api.ts'
import { noPeers } from '../cache/peers.ts'
import type { Config } from '../config/config.ts'
import { createLog } from '../telemetry/log.ts'
import { buildCaches } from './build-caches.ts'
import { buildNaming } from './build-policy.ts'
import { buildRegistry } from './build-registry.ts'
import { Upstreams } from './build-upstreams.ts'
import { mirrorOperations } from './mirror-operations.ts'
import { TokenKeyFiles } from './token-key-files.ts'

/** By store. What is opened is closed with `stack`. The caller holds the locks of the stores. */
export async function openMirrors(
  config: Config,
  stack: AsyncDisposableStack,
): Promise<ReadonlyMap<string, StoreOperations>> {
  // What lies over a mirror, and pushes, have no part in it.
  const repositories = config.repositories
    .filter((route) => route.kind === 'mirror')
    .map((route) => ({ ...route, overlay: undefined }))
  const mirrors = { ...config, repositories }
  const peers = noPeers()
  const log = await createLog({ format: 'json', level: 'error' })
  stack.defer(() => log.flush())
  const caches = await buildCaches({ ...config.cache, redis: undefined }, peers)
  stack.defer(() => caches.close())
  const keyFiles = new TokenKeyFiles(config, peers)
  const upstreams = new Upstreams(mirrors, { keyFiles, logger: log.logger, peers })
  stack.defer(() => upstreams.close())
  const { registry } = await buildRegistry(mirrors, { caches, upstreams, peers }, stack)
  return mirrorOperations(mirrors, registry, buildNaming(config))
}

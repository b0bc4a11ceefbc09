// A store for a command that works on it without a gateway.
import type { StoreOperations } from '../admin/store-api.ts'
import type { StoreConfig } from '../config/config.ts'
import { createStorageDriver } from '../storage/create-driver.ts'
import { buildStore } from './build-store.ts'

/** What is opened is closed with `stack`. The caller holds the store's lock, or only reads. */
export async function openStore(
  store: StoreConfig,
  { isReading }: { isReading: boolean },
  stack: AsyncDisposableStack,
): Promise<StoreOperations> {
  const driver = createStorageDriver(store)
  stack.defer(() => driver.close())
  const { operations } = await buildStore(
    store,
    { driver, isServing: false, recordsPulls: !isReading },
    stack,
  )
  return operations
}

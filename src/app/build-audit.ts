// The audit log, if the configuration asks for one.
import type { AuditConfig } from '../config/config.ts'
import { openAuditLog, type AuditLog } from '../telemetry/audit-log.ts'
import type { Log } from '../telemetry/log.ts'

/** Closed with `stack`. Rejects when the file can not be written. */
export async function buildAudit(
  config: AuditConfig | undefined,
  log: Log,
  stack: AsyncDisposableStack,
): Promise<AuditLog | undefined> {
  if (!config) return undefined
  const { logger, line } = log
  const onError = (err: unknown) =>
    logger.error({ err, file: config.file }, 'audit: not written; it is tried again')
  const audit = await openAuditLog({ ...config, line, onError })
  stack.defer(() => audit.close())
  return audit
}

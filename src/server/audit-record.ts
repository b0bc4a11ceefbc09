// What is told of a request in the audit log, out of what its handlers noted.
import type { IncomingMessage } from 'node:http'
import type { Identity } from '../access/identity.ts'
import type { RequestRecord } from '../api/request-record.ts'
import type { AuditRecord } from '../telemetry/audit-log.ts'

/** Undefined for a request that concerns nobody's rights. */
export function auditRecordOf(
  req: IncomingMessage,
  record: RequestRecord,
  status: number,
): AuditRecord | undefined {
  const action = actionOf(req, record)
  if (action === undefined) return undefined
  const { clientAddress, repository, reference, digest, scopes, clause, code } = record
  return {
    client: clientAddress,
    // A name that was not proved is not told: people type their password there.
    user: record.user,
    ...credentialOf(record.identity),
    action,
    repository,
    reference,
    digest,
    scopes,
    decision: decisionOf(req, record, status),
    rule: clause?.grant,
    line: clause?.line,
    status,
    code,
  }
}

export function credentialOf(identity: Identity | undefined): Pick<AuditRecord, 'credential' | 'account'> {
  const account = identity?.account
  return {
    credential: identity?.method,
    account: account && `${account.backend}:${account.key}`,
  }
}

function actionOf(req: IncomingMessage, { route, repository, action }: RequestRecord): string | undefined {
  if (repository !== undefined || route === 'catalog') return action ?? route
  if (route === 'token') return 'token'
  // Without a credential it is no more than the question whether one is needed.
  return route === 'base' && req.headers.authorization !== undefined ? 'login' : undefined
}

function decisionOf(
  req: IncomingMessage,
  { route, clause, identity }: RequestRecord,
  status: number,
): AuditRecord['decision'] {
  if (status >= 499) return 'error'
  if (clause !== undefined) return 'allow'
  const isRefused = identity === undefined && req.headers.authorization !== undefined
  if (status === 401 && !isRefused && route !== 'token') return 'challenge'
  const needsGrant = route !== 'token' && route !== 'base'
  return needsGrant || status >= 400 ? 'deny' : 'allow'
}

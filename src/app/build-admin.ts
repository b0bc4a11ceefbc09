// The admin address: health, metrics and the admin API, whose use is audited.
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Request } from 'express'
import type { Naming } from '../access/naming.ts'
import { accessApi } from '../admin/access-api.ts'
import { createAdminApp, type AdminAppOptions } from '../admin/admin-app.ts'
import type { AdminAuthOptions, AdminCaller } from '../admin/admin-auth.ts'
import { storeApi, type StoreApiOptions } from '../admin/store-api.ts'
import { tokensApi } from '../admin/tokens-api.ts'
import { upstreamsApi, type UpstreamsApiOptions } from '../admin/upstreams-api.ts'
import { credentialOf } from '../server/audit-record.ts'
import { loggedPath } from '../server/logged-path.ts'
import type { OriginResolver } from '../server/origin.ts'
import type { AuditLog, AuditRecord } from '../telemetry/audit-log.ts'
import type { AccountTokens } from './build-accounts.ts'

export interface AdminOptions
  extends
    Pick<AdminAuthOptions, 'authenticator' | 'policy' | 'localToken'>,
    Pick<AdminAppOptions, 'checkHealth' | 'renderMetrics'>,
    Pick<UpstreamsApiOptions, 'upstreams'>,
    Pick<StoreApiOptions, 'stores'> {
  /** Undefined where nobody can log in. */
  readonly accountTokens: Pick<AccountTokens, 'managed' | 'owners'> | undefined
  readonly naming: Naming
  readonly origins: OriginResolver
  readonly audit: AuditLog | undefined
}

const MAX_PATH_LENGTH = 200

export function buildAdmin({
  accountTokens,
  naming,
  origins,
  audit,
  ...options
}: AdminOptions): RequestListener {
  const callers = new WeakMap<IncomingMessage, AdminCaller>()
  const clientAddress = (req: IncomingMessage) => origins.of(req, false).clientAddress
  const auth: AdminAuthOptions = {
    ...options,
    clientAddress,
    onCaller: (req, caller) => void callers.set(req, caller),
  }
  const onApiRequest: AdminAppOptions['onApiRequest'] =
    audit &&
    ((req, res) => {
      const client = clientAddress(req)
      res.once('close', () => audit.record({ client, ...recordOf(req, res, callers.get(req)) }))
    })
  return createAdminApp({
    ...options,
    onApiRequest,
    accessApi: accessApi({ ...auth, canonicalName: (name) => naming.canonical({ name, host: undefined }) }),
    tokensApi:
      accountTokens && tokensApi({ ...auth, store: accountTokens.managed, owners: accountTokens.owners }),
    upstreamsApi: upstreamsApi({ ...options, ...auth }),
    api: storeApi({ ...options, ...auth }),
  })
}

const REFUSALS = new Set([401, 403, 429])

function recordOf(
  req: Request,
  res: ServerResponse,
  caller: AdminCaller | undefined,
): Omit<AuditRecord, 'client'> {
  const { identity, clause } = caller ?? {}
  const known = identity === 'local' ? undefined : identity
  return {
    user: known?.name,
    ...credentialOf(known),
    ...(identity === 'local' ? { credential: 'local' } : {}),
    action: `admin ${req.method} ${loggedPath(req.originalUrl).slice(0, MAX_PATH_LENGTH)}`,
    repository: undefined,
    reference: undefined,
    digest: undefined,
    scopes: undefined,
    decision: decisionOf(req, res.statusCode, caller),
    rule: clause?.grant,
    line: clause?.line,
    status: res.statusCode,
    code: undefined,
  }
}

function decisionOf(
  req: IncomingMessage,
  status: number,
  caller: AdminCaller | undefined,
): AuditRecord['decision'] {
  if (status >= 500) return 'error'
  // Some things may be done without the admin grant, to one's own tokens.
  if (caller?.identity === 'local' || caller?.clause !== undefined || status < 300) return 'allow'
  // What makes no sense was refused before, or whoever asked.
  if (!REFUSALS.has(status)) return 'error'
  return status === 401 && req.headers.authorization === undefined ? 'challenge' : 'deny'
}

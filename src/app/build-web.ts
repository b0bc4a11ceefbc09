// The web lane: the token endpoint and what else is answered outside `/v2/`.
import type { IncomingMessage } from 'node:http'
import type { Naming } from '../access/naming.ts'
import { tokenRouter } from '../admin/token.ts'
import { createWebApp } from '../admin/web-app.ts'
import { formatScope } from '../oci/scope.ts'
import type { FrontOptions, WebArrival } from '../server/front.ts'
import type { Auth } from './build-auth.ts'

export function buildWeb(
  { authenticator, policy, tokens, lenientHosts, certificateOf }: Auth,
  naming: Naming,
): FrontOptions['web'] {
  const arrivals = new WeakMap<IncomingMessage, WebArrival>()
  const router =
    tokens &&
    tokenRouter({
      authenticator,
      policy,
      lenientHosts,
      certificateOf,
      ...tokens,
      // Clients ask in the names that they know this host by.
      canonicalName: (req, name) =>
        naming.canonical({ name, host: req.headers.host, prefix: arrivals.get(req)?.prefix }),
      clientAddress: (req) => arrivals.get(req)?.record.clientAddress,
      onIssue: (req, { identity, scopes, failure }) => {
        const record = arrivals.get(req)?.record
        if (!record) return
        if (failure) record.error = failure
        record.identity = identity
        record.scopes = scopes.map(formatScope)
        if (identity.name !== undefined) record.user = identity.name
      },
    })
  const app = createWebApp({
    tokenRouter: router,
    onTokenRequest: (req) => {
      const record = arrivals.get(req)?.record
      if (record) record.route = 'token'
    },
  })
  return (req, res, arrival) => {
    arrivals.set(req, arrival)
    app(req, res)
  }
}

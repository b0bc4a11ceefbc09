// Who is shown what a mirror keeps, besides the grants: the upstream's `visibility` put around the mirror.
import type { Visibility } from '../config/config.ts'
import type { ContentStore } from '../core/content/content-store.ts'
import { AdmittedRegistry } from '../core/mirror/admitted.ts'
import { CallerAdmission } from '../core/mirror/caller-admission.ts'
import { PublicAdmission } from '../core/mirror/public-admission.ts'
import type { Registry } from '../core/registry.ts'
import { upstreamName, type NameRewrite } from '../core/upstream-name.ts'
import type { RepositoryName } from '../oci/repository-name.ts'
import type { UpstreamClient } from '../upstream/client.ts'
import type { ClientsByLogin } from '../upstream/clients-by-login.ts'
import type { UpstreamClientOptions } from '../upstream/create-upstream-client.ts'
import { ReadingClient } from '../upstream/reading-client.ts'

export interface VisibilityOptions {
  readonly visibility: Visibility
  /** With the gateway's own login, where it has one. */
  readonly client: UpstreamClient
  readonly options: UpstreamClientOptions
  readonly content: ContentStore
  readonly rewrite: NameRewrite | undefined
  /** The clients in the name of callers, of all routes to the upstream. */
  readonly callers: () => ClientsByLogin
}

/** `build` makes the mirror over the client that it is given. */
export function withVisibility(
  { visibility, client, options, content, rewrite, callers }: VisibilityOptions,
  build: (client: UpstreamClient) => Registry,
): Registry {
  if (visibility === 'shared') return build(client)
  const nameOf = (repository: RepositoryName) => upstreamName(repository, rewrite)
  const admissionBy = (anonymous: UpstreamClient, isMirrorAnonymous: boolean) =>
    new PublicAdmission({ client: anonymous, content, nameOf, isMirrorAnonymous })
  if (visibility === 'per-user') {
    const clients = callers()
    const everybody = admissionBy(clients.anonymous, false)
    return new AdmittedRegistry(build(clients.client), new CallerAdmission({ clients, nameOf, everybody }))
  }
  const { credentials, token, mint, identity } = options
  if ([credentials, token, mint, identity].some((login) => login !== undefined))
    return new AdmittedRegistry(build(client), admissionBy(callers().anonymous, false))
  const admission = admissionBy(client, true)
  const told = new ReadingClient(client, (name) => admission.confirm(name))
  return new AdmittedRegistry(build(told), admission)
}

// Blob reads and uploads that stream through to an external core, after parse and guard.
import type { Forwarder } from '../core/forwarder.ts'
import type { RepositoryName } from '../oci/repository-name.ts'
import type { RepositoryExchange } from './exchange.ts'
import type { RepositoryRoute } from './route.ts'

/** `GET` and `HEAD` of a blob. */
export async function forwardBlob(
  { req, res, repository, route, origin }: RepositoryExchange<Extract<RepositoryRoute, { kind: 'blob' }>>,
  forwarder: Forwarder,
): Promise<void> {
  const target = { kind: 'blob', repository, digest: route.digest, query: '' } as const
  await forwarder.forward(req, res, target, { publicOrigin: origin, publicName: route.name })
}

/** Every request of an upload session. The core's own query (`_state`) passes as it is. */
export async function forwardUpload(
  exchange: RepositoryExchange<Extract<RepositoryRoute, { kind: 'upload' | 'upload-start' }>>,
  forwarder: Forwarder,
  mountFrom: RepositoryName | undefined,
): Promise<void> {
  const { req, res, repository, route, origin } = exchange
  const target =
    route.kind === 'upload'
      ? ({ kind: 'upload', repository, id: route.id, query: rawQuery(req.url ?? '') } as const)
      : ({ kind: 'upload-start', repository, query: startQuery(exchange, mountFrom) } as const)
  await forwarder.forward(req, res, target, { publicOrigin: origin, publicName: route.name })
}

function rawQuery(url: string): string {
  const mark = url.indexOf('?')
  return mark < 0 ? '' : url.slice(mark + 1)
}

/** A core that trusts us would mount from any repository: what the caller may not pull is not even named to it. */
function startQuery({ query }: RepositoryExchange, mountFrom: RepositoryName | undefined): string {
  const forwarded = new URLSearchParams(query)
  forwarded.delete('ns')
  if (mountFrom === undefined) forwarded.delete('mount')
  forwarded.delete('from')
  if (mountFrom !== undefined) forwarded.set('from', mountFrom)
  return forwarded.toString()
}

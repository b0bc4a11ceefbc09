// Which methods each path has, and what they do to a repository.
import type { IncomingMessage } from 'node:http'
import { RegistryError } from '../oci/error.ts'
import type { Action } from '../oci/scope.ts'
import type { RepositoryRoute, Route } from './route.ts'

const METHODS: Record<Route['kind'], readonly string[]> = {
  base: ['GET', 'HEAD'],
  catalog: ['GET', 'HEAD'],
  manifest: ['GET', 'HEAD', 'PUT', 'DELETE'],
  blob: ['GET', 'HEAD', 'DELETE'],
  'upload-start': ['POST'],
  upload: ['GET', 'HEAD', 'PATCH', 'PUT', 'DELETE'],
  tags: ['GET', 'HEAD'],
  referrers: ['GET', 'HEAD'],
}

/** Throws `UNSUPPORTED` (405), which names those that there are. */
export function requireMethod(req: IncomingMessage, route: Route): void {
  const allowed = METHODS[route.kind]
  if (allowed.includes(req.method ?? '')) return
  throw new RegistryError('UNSUPPORTED', 'this method is not supported here', {
    headers: { Allow: allowed.join(', ') },
  })
}

/** What the caller needs a grant for. */
export function actionOf(req: IncomingMessage, route: RepositoryRoute): Action {
  if (route.kind === 'upload-start' || route.kind === 'upload') return 'push'
  if (req.method === 'PUT') return 'push'
  return req.method === 'DELETE' ? 'delete' : 'pull'
}

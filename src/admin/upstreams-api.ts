// `GET /api/upstreams`: whether each upstream answers, and what is left of its quota.
import { Router } from 'express'
import { RegistryError } from '../oci/error.ts'
import { requireAdmin, type AdminAuthOptions } from './admin-auth.ts'
import { answerError } from './admin-errors.ts'

export interface UpstreamsApiOptions extends AdminAuthOptions {
  /** JSON for each upstream that is in use. */
  readonly upstreams: () => Promise<readonly object[]>
}

/** To be mounted at `/api/upstreams`. */
export function upstreamsApi(options: UpstreamsApiOptions): Router {
  const router = Router()
  router.use(requireAdmin(options))
  router.get('/', async (_req, res) => {
    res.set('Cache-Control', 'no-store').json({ upstreams: await options.upstreams() })
  })
  router.use(() => {
    throw new RegistryError('UNSUPPORTED', 'no such page', { status: 404 })
  })
  router.use(answerError)
  return router
}

// The Express app of the admin address: health, metrics and the admin API.
import express, { type Express, type Request, type Response, type Router } from 'express'

export interface AdminAppOptions {
  /** Resolves when the process can serve; rejects with what is wrong. */
  readonly checkHealth: () => Promise<void>
  readonly renderMetrics: () => Promise<{ contentType: string; text: string }>
  /** Told of every request for the admin API, before anything is decided; for the audit log. */
  readonly onApiRequest?: ((req: Request, res: Response) => void) | undefined
  /** Mounted at `/api/access`; asks who is calling itself. */
  readonly accessApi: Router
  /** Mounted at `/api/tokens`; asks who is calling itself. Undefined where nobody can log in. */
  readonly tokensApi: Router | undefined
  /** Mounted at `/api/upstreams`; asks who is calling itself. */
  readonly upstreamsApi: Router
  /** Mounted at `/api`; asks who is calling itself. */
  readonly api: Router
}

export function createAdminApp({
  checkHealth,
  renderMetrics,
  onApiRequest,
  accessApi,
  tokensApi,
  upstreamsApi,
  api,
}: AdminAppOptions): Express {
  const app = express()
  app.disable('x-powered-by')
  app.get('/healthz', async (_req, res) => {
    try {
      await checkHealth()
      res.json({ status: 'ok' })
    } catch (error) {
      res
        .status(503)
        .json({ status: 'unhealthy', problem: error instanceof Error ? error.message : 'unknown' })
    }
  })
  app.get('/metrics', async (_req, res) => {
    const { contentType, text } = await renderMetrics()
    res.set('Content-Type', contentType).send(text)
  })
  // Here and not before: it is for the router to say what is below `/api`, however that is spelled.
  app.use('/api', (req, res, next) => {
    onApiRequest?.(req, res)
    next()
  })
  app.use('/api/access', accessApi)
  if (tokensApi) app.use('/api/tokens', tokensApi)
  app.use('/api/upstreams', upstreamsApi)
  app.use('/api', api)
  app.use(
    (_req, res) => void res.status(404).json({ errors: [{ code: 'UNSUPPORTED', message: 'no such page' }] }),
  )
  return app
}

// The Express app of the admin address: health, metrics and the admin API.
import express, { type Express, type Router } from 'express'

export interface AdminAppOptions {
  /** Resolves when the process can serve; rejects with what is wrong. */
  readonly checkHealth: () => Promise<void>
  readonly renderMetrics: () => Promise<{ contentType: string; text: string }>
  /** Mounted at `/api`; asks who is calling itself. */
  readonly api: Router
}

export function createAdminApp({ checkHealth, renderMetrics, api }: AdminAppOptions): Express {
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
  app.use('/api', api)
  app.use(
    (_req, res) => void res.status(404).json({ errors: [{ code: 'UNSUPPORTED', message: 'no such page' }] }),
  )
  return app
}

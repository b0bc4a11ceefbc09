// The Express app of the public listeners: everything outside the fast lane of `/v2/`.
import express, { type Express, type Request, type Router } from 'express'

export interface WebAppOptions {
  /** Mounted at the root when the token service is on. */
  readonly tokenRouter: Router | undefined
  /** Told of every request that goes to the token service, for its record. */
  readonly onTokenRequest?: (req: Request) => void
}

export function createWebApp({ tokenRouter, onTokenRequest }: WebAppOptions): Express {
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')
  if (tokenRouter) {
    // Here and not before: it is for the router to say what is `/token`, however that is spelled.
    app.use('/token', (req, _res, next) => {
      onTokenRequest?.(req)
      next()
    })
    app.use(tokenRouter)
  }
  // Load balancers probe the root; registry:2 answers it too, without a login.
  app.get('/', (_req, res) => void res.set('Cache-Control', 'no-cache').status(200).end())
  app.use(
    (_req, res) => void res.status(404).json({ errors: [{ code: 'UNSUPPORTED', message: 'no such page' }] }),
  )
  return app
}

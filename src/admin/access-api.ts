// `GET /api/access/explain`: what the grants in force say of a caller, and which of them decides.
import { Router } from 'express'
import { answerQuestion, QuestionError } from '../access/written-question.ts'
import { RegistryError } from '../oci/error.ts'
import type { RepositoryName } from '../oci/repository-name.ts'
import { requireAdmin, type AdminAuthOptions } from './admin-auth.ts'
import { answerError } from './admin-errors.ts'

export interface AccessApiOptions extends AdminAuthOptions {
  /** The repository that clients mean by a name; throws for none. */
  readonly canonicalName: (name: string) => RepositoryName
}

/** To be mounted at `/api/access`. Parameters: `user`, `action`, `repository`, `from`, and `group`, once for each. */
export function accessApi(options: AccessApiOptions): Router {
  const { policy, canonicalName } = options
  const router = Router()
  router.use(requireAdmin(options))
  router.get('/explain', (req, res) => {
    const query = new URLSearchParams(req.originalUrl.split('?')[1])
    const question = {
      user: query.get('user') ?? '$anonymous',
      action: query.get('action') ?? '',
      repository: query.get('repository') ?? undefined,
      from: query.get('from') ?? undefined,
      groups: query.getAll('group'),
    }
    res
      .set('Cache-Control', 'no-store')
      .json(understood(() => answerQuestion(policy, question, canonicalName)))
  })
  router.use(() => {
    throw new RegistryError('UNSUPPORTED', 'no such page', { status: 404 })
  })
  router.use(answerError)
  return router
}

function understood<Answer>(answer: () => Answer): Answer {
  try {
    return answer()
  } catch (cause) {
    if (!(cause instanceof QuestionError)) throw cause
    throw new RegistryError('UNSUPPORTED', cause.message, { status: 400, cause })
  }
}

// passport-http's Basic strategy with its reading of the header replaced: that one cuts passwords at their first colon.
import type { StrategyCreatedStatic } from 'passport'
import { BasicStrategy } from 'passport-http'
import type { Source } from './authenticator.ts'
import { parseBasicCredentials } from './basic-credentials.ts'

/** What the strategy needs of a request. */
export interface BasicRequest {
  readonly headers: { readonly authorization?: string | undefined }
  readonly source?: Source | undefined
}

/** Told the account that name and password open, or none. */
type Decided = (error: Error | null, account?: object) => void
type Verify = (request: BasicRequest, name: string, password: string, done: Decided) => void

/** Reads the header strictly, then asks `verify` as every passport strategy does; garbage fails like a wrong password. */
export class StrictBasicStrategy extends BasicStrategy {
  // Not `#verify`: passport calls `authenticate` on an object that it derives from the strategy for each request, and
  // such an object has no private fields.
  private readonly verify: Verify

  constructor(verify: Verify) {
    super({ passReqToCallback: true }, verify)
    this.verify = verify
  }

  override authenticate(this: StrictBasicStrategy & StrategyCreatedStatic, request: BasicRequest): void {
    const credentials = parseBasicCredentials(request.headers.authorization ?? '')
    if (!credentials) return this.fail()
    this.verify(request, credentials.name, credentials.password, (error, user) => {
      if (error) this.error(error)
      else if (user) this.success(user)
      else this.fail()
    })
  }
}

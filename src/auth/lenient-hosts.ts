// Hosts that stand in for another registry: clients send them the logins that they have there.
import type { Ceiling } from '../access/ceiling.ts'
import type { Identity } from '../access/identity.ts'
import { hostNameOf } from '../oci/host-name.ts'
import { UnknownLoginError, type Authenticator, type Source } from './authenticator.ts'
import { parseBasicCredentials } from './basic-credentials.ts'

const PULL_ONLY: Ceiling = {
  allows: (action) => action === 'pull',
  allowsCatalog: false,
  lists: () => true,
  size: 0,
}

/** Anonymous, but for what a login could be good for; it was taken without a look, so nobody is asked for it again. */
const STRANGER: Identity = { name: undefined, method: 'basic', ceiling: PULL_ONLY }

/** Nothing of a login that is not ours is kept, logged or counted. */
export class LenientHosts {
  readonly #names: ReadonlySet<string>

  /** Host names in lower case, without port. */
  constructor(names: Iterable<string>) {
    this.#names = new Set(names)
  }

  /** Whom a login that is none of ours stands for there; undefined where it is refused. */
  strangerAt({ host }: Source): Identity | undefined {
    return host !== undefined && this.#names.has(hostNameOf(host)) ? STRANGER : undefined
  }

  /** Takes those whose names are unknown as strangers. A known name with a wrong password is refused as ever. */
  around(basic: Authenticator): Authenticator {
    return {
      authenticate: (authorization, source = {}) => {
        const stranger = this.strangerAt(source)
        // What is malformed may be a known name's.
        if (!stranger || parseBasicCredentials(authorization ?? '') === undefined)
          return basic.authenticate(authorization, source)
        return withStranger(basic, authorization, { ...source, isLenient: true }, stranger)
      },
    }
  }
}

async function withStranger(
  basic: Authenticator,
  authorization: string | undefined,
  source: Source,
  stranger: Identity,
): Promise<Identity> {
  try {
    return await basic.authenticate(authorization, source)
  } catch (error) {
    if (error instanceof UnknownLoginError) return stranger
    throw error
  }
}

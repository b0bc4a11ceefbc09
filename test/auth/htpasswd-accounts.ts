// Accounts of a password file that a test exchanges, with real hashing that is written down.
import type { TestContext } from 'node:test'
import { HtpasswdBackend } from '../../src/auth/htpasswd-backend.ts'
import { parseHtpasswd, type PasswordList } from '../../src/auth/htpasswd.ts'
import { PasswordVerifier } from '../../src/auth/password-verifier.ts'

export interface HtpasswdAccounts {
  readonly backend: HtpasswdBackend
  /** The hashes that passwords were checked against. */
  readonly checked: string[]
  /** For whom they were checked. */
  readonly networks: (string | undefined)[]
  /** Makes these the accounts of now. */
  readonly replace: (...lines: string[]) => PasswordList
}

export function htpasswdAccounts(t: TestContext, ...lines: string[]): HtpasswdAccounts {
  let list = parseHtpasswd(lines.join('\n'))
  const verifier = new PasswordVerifier()
  t.after(() => verifier.close())
  const checked: string[] = []
  const networks: (string | undefined)[] = []
  const backend = new HtpasswdBackend({
    passwords: {
      get: (name) => list.entries.get(name),
      get decoy() {
        return list.decoy
      },
    },
    verifier: {
      verify(password, hash, network) {
        checked.push(hash)
        networks.push(network)
        return verifier.verify(password, hash, network)
      },
    },
  })
  const replace = (...next: string[]): PasswordList => (list = parseHtpasswd(next.join('\n')))
  return { backend, checked, networks, replace }
}

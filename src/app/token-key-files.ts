// The keys of the token service, from their files: opened when something needs them, and read again by a reload.
import { CoreTokens } from '../auth/service/core-tokens.ts'
import { loadTokenCertificates } from '../auth/service/token-certificate.ts'
import { TokenKeys, type SigningKey } from '../auth/service/token-keys.ts'
import { loadTokenKey, readTokenKey, type TokenKey } from '../auth/token-key.ts'
import type { TokenConfig } from '../config/auth-config.ts'
import type { Config, UpstreamConfig } from '../config/config.ts'
import type { MintToken } from '../upstream/minted-authorization.ts'

export class TokenKeyFiles {
  #token: TokenConfig | undefined
  #opened: Promise<TokenKeys> | undefined

  constructor({ auth }: Config) {
    this.#token = auth.token
  }

  /** The files in use, to be watched. */
  get files(): readonly string[] {
    if (!this.#token || !this.#opened) return []
    const { keyFile, previousKeyFiles, certificateFile } = this.#token
    return [keyFile, ...previousKeyFiles, ...(certificateFile === undefined ? [] : [certificateFile])]
  }

  /** Undefined when tokens are off. Makes what is not there. Rejects with {@link TokenKeyError}. */
  async open(): Promise<TokenKeys | undefined> {
    const token = this.#token
    if (!token) return undefined
    this.#opened ??= readAll(token, loadTokenKey).then(
      ([current, ...previous]) => new TokenKeys(current, previous),
    )
    return this.#opened
  }

  /**
   * Takes over what the files hold now: those that `next` names, or the same as before. Rejects, and keeps what was, when
   * one of them makes no sense.
   */
  async reload(next?: Config): Promise<void> {
    const token = next?.auth.token ?? this.#token
    if (!token || !this.#opened) return
    // A key that is missing now is one that is being replaced, not one to be made.
    const [current, ...previous] = await readAll(token, readTokenKey)
    const keys = await this.#opened
    keys.replace(current, previous)
    this.#token = token
  }

  /** What makes tokens for a core that takes ours; undefined for one that does not. */
  async minterOf({ token }: UpstreamConfig): Promise<MintToken | undefined> {
    const keys = token && (await this.open())
    if (!token || !keys) return undefined
    const tokens = new CoreTokens({ keys, ...token })
    return (scope) => tokens.mint(scope)
  }
}

async function readAll(
  { keyFile, certificateFile, previousKeyFiles }: TokenConfig,
  load: (path: string) => Promise<TokenKey>,
): Promise<[SigningKey, ...TokenKey[]]> {
  const key = await load(keyFile)
  const certificates =
    certificateFile === undefined ? undefined : await loadTokenCertificates(certificateFile, key)
  return [{ ...key, certificates }, ...(await Promise.all(previousKeyFiles.map(readTokenKey)))]
}

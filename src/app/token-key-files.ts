// The keys of the token service, from their files: opened when something needs them, and read again by a reload.
import { CoreTokens } from '../auth/service/core-tokens.ts'
import { loadTokenCertificates } from '../auth/service/token-certificate.ts'
import { TokenKeys, type SigningKey } from '../auth/service/token-keys.ts'
import { loadTokenKey, readTokenKey, type TokenKey } from '../auth/token-key.ts'
import { noPeers, type Message, type Peers } from '../cache/peers.ts'
import type { TokenConfig } from '../config/auth-config.ts'
import type { Config, UpstreamConfig } from '../config/config.ts'
import type { MintToken } from '../upstream/minted-authorization.ts'

const TOPIC = 'token keys'

type KeyFiles = Pick<TokenConfig, 'keyFile' | 'certificateFile' | 'previousKeyFiles'>

export class TokenKeyFiles {
  readonly #peers: Peers
  #token: TokenConfig | undefined
  #opened: Promise<TokenKeys> | undefined

  constructor({ auth }: Config, peers: Peers = noPeers()) {
    this.#peers = peers
    this.#token = auth.token
    if (!peers.isPrimary) peers.answer(TOPIC, (files) => this.#learn(files))
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
   * one of them makes no sense. To be called in the primary first: a key signs in no process before all of them know it.
   */
  async reload(next?: Config): Promise<void> {
    const token = next?.auth.token ?? this.#token
    if (!token || !this.#opened) return
    // A key that is missing now is one that is being replaced, not one to be made.
    const [current, ...previous] = await readAll(token, readTokenKey)
    const keys = await this.#opened
    if (this.#peers.isPrimary) await this.#peers.ask(TOPIC, filesOf(token))
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

  async #learn(files: Message): Promise<null> {
    const keys = await this.#opened
    // Of filesOf, from the primary.
    keys?.learn(await readAll(toKeyFiles(files as readonly [string, string, ...string[]]), readTokenKey))
    return null
  }
}

/** Without a certificate its place is empty. */
function filesOf({ keyFile, certificateFile = '', previousKeyFiles }: KeyFiles): readonly string[] {
  return [keyFile, certificateFile, ...previousKeyFiles]
}

function toKeyFiles([keyFile, certificate, ...previousKeyFiles]: readonly [
  string,
  string,
  ...string[],
]): KeyFiles {
  return { keyFile, certificateFile: certificate === '' ? undefined : certificate, previousKeyFiles }
}

async function readAll(
  { keyFile, certificateFile, previousKeyFiles }: KeyFiles,
  load: (path: string) => Promise<TokenKey>,
): Promise<[SigningKey, ...TokenKey[]]> {
  const key = await load(keyFile)
  const certificates =
    certificateFile === undefined ? undefined : await loadTokenCertificates(certificateFile, key)
  return [{ ...key, certificates }, ...(await Promise.all(previousKeyFiles.map(readTokenKey)))]
}

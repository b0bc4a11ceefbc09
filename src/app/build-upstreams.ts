// The upstreams of the configuration: one client for each, whoever asks it, and what is told of how they stand.
import type { Peers } from '../cache/peers.ts'
import type { Config, UpstreamConfig, UpstreamCredentials } from '../config/config.ts'
import type { UpstreamAccess, UpstreamClientOptions } from '../upstream/create-upstream-client.ts'
import { credentialHelper } from '../upstream/login/credential-helper.ts'
import { fixedLogin, fixedSecret, loginOf } from '../upstream/login/login-source.ts'
import { secretFile } from '../upstream/login/secret-file.ts'
import { tlsFiles } from '../upstream/tls-files.ts'
import type { Logger } from '../telemetry/log.ts'
import type { UpstreamSample } from '../telemetry/upstream-metrics.ts'
import { named } from './named.ts'
import type { TokenKeyFiles } from './token-key-files.ts'
import { mergedStanding, standingOf, writtenOut, type UpstreamStanding } from './upstream-standing.ts'

export interface UpstreamsOptions {
  readonly keyFiles: TokenKeyFiles
  readonly logger: Logger
  readonly peers: Peers
}

/** Process to process: how do the upstreams stand for you? */
const TOPIC = 'upstreams:standing'

export class Upstreams {
  readonly #config: Config
  readonly #keyFiles: TokenKeyFiles
  readonly #logger: Logger
  readonly #peers: Peers
  readonly #options = new Map<string, Promise<UpstreamClientOptions>>()
  readonly #accesses = new Map<string, UpstreamAccess>()

  constructor(config: Config, { keyFiles, logger, peers }: UpstreamsOptions) {
    this.#config = config
    this.#keyFiles = keyFiles
    this.#logger = logger
    this.#peers = peers
    peers.answer(TOPIC, () => JSON.stringify(this.#seenHere()))
  }

  /** The one client of an upstream that is asked for something, and its login. */
  async access(name: string): Promise<UpstreamAccess> {
    const options = await this.options(name)
    // Large: only who has an upstream loads it.
    const { createUpstreamAccess } = await import('../upstream/create-upstream-client.ts')
    const known = this.#accesses.get(name)
    if (known) return known
    const access = createUpstreamAccess(options)
    this.#accesses.set(name, access)
    return access
  }

  /** What its clients are made with. Files that it names are read when they are needed. */
  options(name: string): Promise<UpstreamClientOptions> {
    const known = this.#options.get(name) ?? this.#optionsOf(named(this.#config.upstreams, name))
    this.#options.set(name, known)
    return known
  }

  /** How the upstreams stand for all processes, as JSON; times are written out. */
  async standing(): Promise<object[]> {
    const others = await this.#peers.ask(TOPIC, null)
    // Answered by an Upstreams of this gateway, as JSON; by a process that has none yet, with nothing.
    const seen = others.map((answer) =>
      typeof answer === 'string' ? (JSON.parse(answer) as UpstreamStanding[]) : [],
    )
    return mergedStanding([this.#seenHere(), ...seen]).map(writtenOut)
  }

  /** How they stand for this process, for its metrics. */
  samples(): UpstreamSample[] {
    return this.#seenHere().flatMap(({ name, endpoints }) =>
      endpoints.map(({ url, isUp, quietUntil, quota }) => ({
        upstream: name,
        url,
        isUp,
        quota: quota ?? undefined,
        quietSeconds: quietUntil === null ? 0 : Math.max(0, Math.ceil((quietUntil - Date.now()) / 1000)),
      })),
    )
  }

  async close(): Promise<void> {
    await Promise.all([...this.#accesses.values()].map(({ client }) => client.close()))
  }

  #seenHere(): UpstreamStanding[] {
    return [...this.#accesses].map(([name, { client }]) => standingOf(name, client))
  }

  #logChange(which: object, isDown: boolean): void {
    if (isDown) this.#logger.warn(which, 'the upstream fails: it is not asked before it answers a probe')
    else this.#logger.info(which, 'the upstream answers again')
  }

  async #optionsOf(upstream: UpstreamConfig): Promise<UpstreamClientOptions> {
    const { url, fallbackUrls, allowedRealms, allowedRedirects, timeouts, reserve } = upstream
    const mint = await this.#keyFiles.minterOf(upstream)
    const isCore = this.#config.repositories.some(
      (route) => route.kind === 'proxy' && route.upstream === upstream.name,
    )
    // What passes through to a core goes straight, and so does what is asked of it besides.
    const proxy = isCore ? undefined : upstream.proxy
    return {
      url,
      fallbackUrls,
      allowedRealms,
      allowedRedirects,
      connectTimeoutMs: timeouts.connectMs,
      headersTimeoutMs: timeouts.firstByteMs,
      idleTimeoutMs: timeouts.idleMs,
      budget: { reserve },
      onChange: ({ address, isDown }) => this.#logChange({ upstream: upstream.name, url: address }, isDown),
      tls: tlsFiles({ caFile: upstream.caFile }),
      ...(upstream.clientCertificate ? { identity: tlsFiles(upstream.clientCertificate) } : {}),
      ...(proxy ? { proxy } : {}),
      ...(mint ? { mint } : {}),
      ...(upstream.credentials ? loginOptions(upstream.credentials) : {}),
    }
  }
}

function loginOptions(
  credentials: UpstreamCredentials,
): Pick<UpstreamClientOptions, 'credentials' | 'token'> {
  if (credentials.kind === 'exec') return { credentials: credentialHelper(credentials) }
  if (credentials.kind === 'token') return { token: secretOf(credentials.token, credentials.tokenFile) }
  const { username, password, passwordFile } = credentials
  if (passwordFile === undefined) return { credentials: fixedLogin({ username, password: password ?? '' }) }
  return { credentials: loginOf(username, secretFile(passwordFile)) }
}

function secretOf(secret: string | undefined, file: string | undefined) {
  return file === undefined ? fixedSecret(secret ?? '') : secretFile(file)
}

// The token service, and the token servers elsewhere, out of the configuration.
import type { AccountStore } from '../auth/accounts/account-store.ts'
import { CertificateKeys } from '../auth/external/certificate-keys.ts'
import { ExternalTokens } from '../auth/external/external-tokens.ts'
import { LenientHosts } from '../auth/lenient-hosts.ts'
import { accountsOf, type LoginBackend } from '../auth/login-backend.ts'
import { IssuerKeys } from '../auth/oidc/issuer-keys.ts'
import { Realms } from '../auth/realms.ts'
import { RefreshTokens } from '../auth/service/refresh-tokens.ts'
import type { TokenKeys } from '../auth/service/token-keys.ts'
import { TokenIssuer } from '../auth/token-issuer.ts'
import type { ExternalTokensConfig, TokenConfig } from '../config/auth-config.ts'
import type { Config } from '../config/config.ts'

export interface TokenService {
  readonly issuer: TokenIssuer
  readonly keys: TokenKeys
  readonly service: string
  /** Where clients are sent in place of here. */
  readonly realm: string | undefined
  readonly refreshTokens: RefreshTokens | undefined
}

export function buildTokenService(
  { issuer, service, realm, ttlMs, refresh }: TokenConfig,
  keys: TokenKeys,
  backends: readonly LoginBackend[],
  store: AccountStore | undefined,
): TokenService {
  const accounts = accountsOf(backends)
  const realms = new Realms(backends)
  const lifeSeconds = Math.floor(ttlMs / 1000)
  return {
    issuer: new TokenIssuer({ keys, issuer, service, accounts, lifeSeconds }),
    keys,
    service,
    realm,
    refreshTokens:
      refresh &&
      store &&
      new RefreshTokens({
        store,
        accounts,
        service,
        lifeMs: refresh.ttlMs,
        maxPerAccount: refresh.maxPerAccount,
        confine: (identity, place) => realms.confine(identity, place),
      }),
  }
}

export interface ExternalTokenServers {
  readonly verifiers: readonly ExternalTokens[]
  /** Of certificates, to be watched. */
  readonly files: readonly string[]
  /** Reads files of certificates again; keys by URL are asked for by themselves. Rejects, and keeps what was. */
  reload(): Promise<void>
}

export async function openExternalTokens({ auth }: Config): Promise<ExternalTokenServers> {
  const bundles: CertificateKeys[] = []
  const verifiers: ExternalTokens[] = []
  for (const server of auth.externalTokens) {
    const keys = await openKeys(server)
    if (keys instanceof CertificateKeys) bundles.push(keys)
    verifiers.push(new ExternalTokens({ ...server, findKey: keys.find }))
  }
  return {
    verifiers,
    files: auth.externalTokens.flatMap(({ keys }) => (keys.kind === 'certificates' ? [keys.file] : [])),
    reload: async () => void (await Promise.all(bundles.map((bundle) => bundle.reload()))),
  }
}

async function openKeys({ issuer, keys }: ExternalTokensConfig): Promise<CertificateKeys | IssuerKeys> {
  if (keys.kind === 'certificates') return CertificateKeys.open(keys.file)
  return keys.kind === 'jwks'
    ? new IssuerKeys({ issuer, jwksUrl: keys.url, caFile: keys.caFile })
    : new IssuerKeys({ issuer, jwksFile: keys.file })
}

/** Undefined when there are none. */
export function lenientHostsOf({ hosts }: Config): LenientHosts | undefined {
  const names = [...hosts].flatMap(([name, { isLenient }]) => (isLenient ? [name] : []))
  return names.length === 0 ? undefined : new LenientHosts(names)
}

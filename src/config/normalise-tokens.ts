// From the words of the file to what the program uses, for Bearer tokens.
import { isUrl } from './check-tokens.ts'
import type { ExternalTokensConfig, TokenConfig } from './auth-config.ts'
import type { CoreTokenConfig } from './config.ts'
import type { ConfigFile } from './schema.ts'

type Absolute = (path: string) => string

/** Undefined when they are off. */
export function toToken({ auth, publicUrl }: ConfigFile, absolute: Absolute): TokenConfig | undefined {
  if (auth.token === 'off') return undefined
  const { service, issuer, realm, ttl, key, previousKeys, certificate } = auth.token
  const { refreshTtl, maxRefreshTokens } = auth.token
  const host = publicUrl === undefined ? undefined : new URL(publicUrl).host
  return {
    service: service ?? host ?? 'dockgate',
    issuer,
    realm,
    ttlMs: ttl,
    keyFile: absolute(key),
    previousKeyFiles: previousKeys.map(absolute),
    certificateFile: certificate === undefined ? undefined : absolute(certificate),
    refresh: refreshTtl === 'off' ? undefined : { ttlMs: refreshTtl, maxPerAccount: maxRefreshTokens },
  }
}

export function toExternalTokens({ auth }: ConfigFile, absolute: Absolute): ExternalTokensConfig[] {
  return auth.externalTokens.map(({ source, issuer, service, certificates, jwks = '', ca, algorithms }) => ({
    source,
    issuer,
    service,
    algorithms,
    keys:
      certificates !== undefined
        ? { kind: 'certificates', file: absolute(certificates) }
        : isUrl(jwks)
          ? { kind: 'jwks', url: jwks, caFile: ca === undefined ? undefined : absolute(ca) }
          : { kind: 'jwks-file', file: absolute(jwks) },
  }))
}

export function toCoreToken(
  { auth }: ConfigFile,
  written: ConfigFile['upstreams'][string]['token'],
): CoreTokenConfig | undefined {
  if (written === undefined || auth.token === 'off') return undefined
  return { service: written.service, issuer: written.issuer ?? auth.token.issuer }
}

// Signs the tokens of the token service (Docker token specification, "Token authentication implementation").
import { randomUUID } from 'node:crypto'
import { SignJWT, type JWTPayload } from 'jose'
import type { SigningKey } from './token-keys.ts'

export const TOKEN_ALGORITHM = 'ES256'

export interface TokenContent {
  /** The `iss` claim. */
  readonly issuer: string
  /** The `aud` claim: the service that verifies it. */
  readonly service: string
  /** Empty for nobody. */
  readonly subject: string
  readonly claims: JWTPayload
  readonly lifeSeconds: number
  /** Default now. */
  readonly now?: Date | undefined
}

export interface IssuedToken {
  readonly token: string
  readonly issuedAt: Date
  readonly expiresInSeconds: number
}

export async function signToken(key: SigningKey, content: TokenContent): Promise<IssuedToken> {
  const { issuer, service, subject, claims, lifeSeconds, now = new Date() } = content
  const issuedAtSeconds = Math.floor(now.getTime() / 1000)
  // registry:2 finds the key by `x5c`, registry:3 also by the thumbprint in `kid`.
  const chain = key.certificates ? { x5c: [...key.certificates] } : {}
  const token = await new SignJWT(claims)
    .setProtectedHeader({ typ: 'JWT', alg: TOKEN_ALGORITHM, kid: key.kid, ...chain })
    .setIssuer(issuer)
    .setSubject(subject)
    .setAudience(service)
    .setIssuedAt(issuedAtSeconds)
    .setNotBefore(issuedAtSeconds)
    .setExpirationTime(issuedAtSeconds + lifeSeconds)
    .setJti(randomUUID())
    .sign(key.privateKey)
  return { token, issuedAt: new Date(issuedAtSeconds * 1000), expiresInSeconds: lifeSeconds }
}

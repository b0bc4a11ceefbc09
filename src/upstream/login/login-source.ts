// The gateway's own login at an upstream: what it is, and where it comes from.

/** A name and a password, for Basic and for token services. */
export interface Credentials {
  readonly username: string
  readonly password: string
}

export type Login =
  | ({ readonly kind: 'password' } & Credentials)
  /** A refresh token that the token service gives tokens for (OAuth2), as `docker login` keeps them. */
  | { readonly kind: 'identity'; readonly token: string }

/** A secret that may change while the gateway runs. */
export interface Renewable<Value> {
  /** What is good now. Concurrent callers share one look-up. Rejects with an `UpstreamError` when there is none. */
  current(): Promise<Value>
  /** To be told that the upstream refused what was current: the next call looks for a newer one. */
  refused(): void
}

export type LoginSource = Renewable<Login>

/** A secret that never changes. */
export function fixedSecret(secret: string): Renewable<string> {
  return { current: async () => secret, refused: () => {} }
}

/** A login that never changes. */
export function fixedLogin(credentials: Credentials): LoginSource {
  const login: Login = { kind: 'password', ...credentials }
  return { current: async () => login, refused: () => {} }
}

/** A login whose password is kept elsewhere. */
export function loginOf(username: string, password: Renewable<string>): LoginSource {
  return {
    current: async () => ({ kind: 'password', username, password: await password.current() }),
    refused: () => password.refused(),
  }
}

export function basicAuthorization({ username, password }: Credentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
}

// What a signed token looks like, before anybody looks into it.

/** `{"` in base64url begins with `eyJ`: passwords that merely hold two dots are no tokens. */
const JWT = /^eyJ[\w-]+\.eyJ[\w-]+\.[\w-]*$/

/** Whether a password is in the form of a JWT (RFC 7519): three parts in base64url, the signature maybe empty. */
export function isJwtText(password: string): boolean {
  return JWT.test(password)
}

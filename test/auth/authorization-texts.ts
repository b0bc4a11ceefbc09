// `Authorization` headers that look like Bearer tokens or Basic credentials, or nearly.
import fc from 'fast-check'

const json = fc.oneof(
  fc.constantFrom('null', '{}', '[]', '0', '"x"', '{', '{"alg":"none"}', '{"alg":"HS256"}'),
  fc
    .record(
      {
        alg: fc.constantFrom('none', 'None', 'ES256', 'HS256', 'RS256', '', 'ES256 '),
        kid: fc.oneof(fc.string(), fc.constant('k'), fc.integer()),
        iss: fc.oneof(fc.constantFrom('dockgate', 'gitlab'), fc.array(fc.string())),
        aud: fc.oneof(fc.constant('registry.test'), fc.array(fc.constant('registry.test'))),
        sub: fc.oneof(fc.constantFrom('', 'alice'), fc.integer()),
        exp: fc.oneof(fc.integer(), fc.double(), fc.string()),
        access: fc.oneof(fc.constant([]), fc.jsonValue()),
        crit: fc.oneof(fc.constant(['exp']), fc.string()),
        x5c: fc.array(fc.string(), { maxLength: 3 }),
        jwk: fc.jsonValue(),
      },
      { requiredKeys: [] },
    )
    .map((value) => JSON.stringify(value)),
)
const part = fc.oneof(
  json.map((text) => Buffer.from(text).toString('base64url')),
  fc.base64String({ maxLength: 40 }),
  fc.constantFrom('', 'eyJhbGciOiJub25lIn0', 'x'),
)
const bearer = fc.array(part, { minLength: 1, maxLength: 5 }).map((parts) => parts.join('.'))
const basic = fc
  .tuple(
    fc.constantFrom('alice', 'root', '', '$anonymous', '@ops', 'robot:ci'),
    fc.string({ unit: 'binary' }),
  )
  .map(([name, password]) => Buffer.from(`${name}:${password}`).toString('base64'))
// All that node:http lets through.
const latin1 = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('latin1'))
const scheme = fc.constantFrom(
  'Bearer ',
  'bearer  ',
  'BEARER ',
  'Basic ',
  'basic  ',
  'Digest ',
  '',
  ' ',
  'Bearer',
)

/** Headers none of which lets anybody in. */
export const authorizationTexts = fc
  .tuple(scheme, fc.oneof(bearer, basic, latin1, fc.base64String()))
  .map(([start, end]) => start + end)

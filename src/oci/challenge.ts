// Challenges: the `WWW-Authenticate` header, written and read (RFC 9110 §11.6.1, Docker token specification).

/** One challenge of a 401: `Bearer realm="…",service="…",scope="…"`. */
export interface Challenge {
  /** In lower case: `basic`, `bearer`. */
  readonly scheme: string
  readonly parameters: ReadonlyMap<string, string>
}

export function formatChallenge(scheme: 'Basic' | 'Bearer', parameters: Record<string, string>): string {
  const pairs = Object.entries(parameters).map(([key, value]) => `${key}="${quote(value)}"`)
  return `${scheme} ${pairs.join(',')}`
}

/** Every challenge of one header value; what is malformed ends the reading and is left out. */
export function parseChallenges(header: string): Challenge[] {
  const challenges: { scheme: string; parameters: Map<string, string> }[] = []
  // `(?:\s*,)?\s*`, not `\s*,?\s*`: a run of blanks must be tried in one way only, however long an upstream makes it.
  const token = /(?:\s*,)?\s*([\w!#$%&'*+.^`|~-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+)))?/y
  for (let match = token.exec(header); match; match = token.exec(header)) {
    const [, word = '', quoted, bare] = match
    const value = quoted?.replaceAll(/\\(.)/g, '$1') ?? bare
    if (value === undefined) challenges.push({ scheme: word.toLowerCase(), parameters: new Map() })
    else challenges.at(-1)?.parameters.set(word.toLowerCase(), value)
  }
  return challenges
}

function quote(value: string): string {
  // A line break would end the header; nothing that comes here should hold one.
  return value.replaceAll(/[\r\n]/g, ' ').replaceAll(/["\\]/g, '\\$&')
}

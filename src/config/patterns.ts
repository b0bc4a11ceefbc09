// How patterns of repository names and tags are written, and which of two is the more literal one.

const COMPONENT = /^(?:\*\*|\$\{user\}|(?:[a-z0-9._?-]|\*(?!\*))+)$/

/** Why `pattern` cannot match repository names, or undefined when it can: `*` within one component, `**` across. */
export function refuseRepositoryPattern(pattern: string, allowed: { user: boolean }): string | undefined {
  if (/[A-Z]/.test(pattern.replaceAll('${user}', ''))) return 'repository names are in lower case'
  const components = pattern.split('/')
  if (pattern === '' || pattern.length > 255 || !components.every((each) => COMPONENT.test(each)))
    return 'must be a repository name in which * stands for a part and ** for several, such as team-a/**'
  if (!allowed.user && components.includes('${user}')) return '${user} is for grants only'
  return undefined
}

/** The two parts of a pattern of images, such as `docker.io/library/nginx:1.*`. */
export function splitImagePattern(pattern: string): { repository: string; tag?: string } {
  const colon = pattern.lastIndexOf(':')
  return colon < 0
    ? { repository: pattern }
    : { repository: pattern.slice(0, colon), tag: pattern.slice(colon + 1) }
}

/** The text before the first wildcard. */
export function literalPrefix(pattern: string): string {
  return pattern.replace(/[*?].*$/s, '')
}

/** Sorts the longest literal prefix to the front, a pattern without any wildcard before one that only begins like it. */
export function byLiteralPrefix(a: string, b: string): number {
  return rank(b).length - rank(a).length
}

/** The pairs of patterns of which none is the more literal one. */
export function findTies(patterns: readonly string[]): { pattern: string; rival: string }[] {
  const first = new Map<string, string>()
  return patterns.flatMap((pattern) => {
    const rival = first.get(rank(pattern))
    if (rival !== undefined) return [{ pattern, rival }]
    first.set(rank(pattern), pattern)
    return []
  })
}

/** The end of a pattern without wildcards is literal too. */
function rank(pattern: string): string {
  return /[*?]/.test(pattern) ? literalPrefix(pattern) : `${pattern}$`
}

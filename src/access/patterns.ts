// Patterns over repository names: `*` within one path component, `**` across components, `?` one character.

/** A pattern that can not mean anything; the message says why and shows the pattern. */
export class PatternError extends Error {
  override readonly name = 'PatternError'
  readonly code = 'PATTERN_INVALID'
}

/** What stands in a pattern for the caller's own name. */
export const USER = '${user}'

const MAX_PATTERN_LENGTH = 512
const SLASH = 47
// Wildcards among the characters of a compiled glob; no character has a negative code.
const ANY_CHARACTER = -1
const STAR = -2
const GLOBSTAR = -3

/**
 * The components of a pattern. `team-a/**` matches everything below `team-a` and not `team-a` itself; `**` alone matches
 * every repository; `${user}` is a component of its own. Throws {@link PatternError} for what can never match a name.
 */
export function parsePattern(text: string): readonly string[] {
  const fail = (why: string): never => {
    throw new PatternError(`the pattern ${JSON.stringify(text.slice(0, MAX_PATTERN_LENGTH))} ${why}`)
  }
  if (text === '' || text.length > MAX_PATTERN_LENGTH) fail(`must have 1 to ${MAX_PATTERN_LENGTH} characters`)
  if (text.includes('***')) fail('holds more than two stars in a row')
  const components = text.split('/')
  for (const component of components) {
    if (component === '') fail('holds an empty path component')
    if (component === USER || component === '**') continue
    if (component.includes(USER))
      fail(`holds ${USER} as a part of a path component; it stands for a whole one`)
    if (/[^a-z0-9._*?-]/.test(component)) fail('holds characters that no repository name has')
    if (component.includes('**')) fail('holds ** as a part of a path component; it stands for whole ones')
  }
  return components
}

/** Whether a pattern's component stands for itself alone. */
export function isLiteralComponent(component: string): boolean {
  return component !== USER && !/[*?]/.test(component)
}

/** Matches text against one glob, in time bounded by length of text × length of glob, whatever they hold. */
export class Glob {
  readonly #steps: readonly number[]

  constructor(glob: string) {
    this.#steps = (glob.match(/\*\*|[^]/g) ?? []).map(stepOf)
  }

  /** Whether `text` from character `start` on matches as a whole. */
  matches(text: string, start = 0): boolean {
    const steps = this.#steps
    // All places in the glob where the text read so far may have led: each is visited once per character, so there is
    // no backtracking. `seenAt` holds the last character that led to a place.
    const seenAt = new Int32Array(steps.length + 1).fill(-1)
    let places = reach([], 0, start, steps, seenAt)
    for (let index = start; index < text.length && places.length > 0; index++) {
      const character = text.charCodeAt(index)
      const next: number[] = []
      for (const place of places) {
        const step = steps[place]
        if (step === undefined) continue
        if (step === GLOBSTAR && place === steps.length - 1) return true
        if (staysOn(step, character)) reach(next, place, index + 1, steps, seenAt)
        else if (isOneOf(step, character)) reach(next, place + 1, index + 1, steps, seenAt)
      }
      places = next
    }
    return places.includes(steps.length)
  }
}

function stepOf(token: string): number {
  if (token === '**') return GLOBSTAR
  if (token === '*') return STAR
  return token === '?' ? ANY_CHARACTER : token.charCodeAt(0)
}

function staysOn(step: number, character: number): boolean {
  return step === GLOBSTAR || (step === STAR && character !== SLASH)
}

function isOneOf(step: number, character: number): boolean {
  return step === character || (step === ANY_CHARACTER && character !== SLASH)
}

/** Adds `place` and the places behind it that stars reach without reading anything. */
function reach(
  places: number[],
  place: number,
  index: number,
  steps: readonly number[],
  seenAt: Int32Array,
): number[] {
  for (let at = place; at <= steps.length && seenAt[at] !== index; at++) {
    seenAt[at] = index
    places.push(at)
    const step = steps[at]
    if (step !== STAR && step !== GLOBSTAR) break
  }
  return places
}

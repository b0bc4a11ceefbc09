// Pieces of JSON lines that are put together by hand, for what is written for every request.

/** `,"name":"value"`; nothing for a value that is not there. */
export function field(name: string, value: string | undefined): string {
  return value === undefined ? '' : `,"${name}":${quoted(value)}`
}

/** Printable ASCII without quote and backslash: what needs no escape. */
const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/

export function quoted(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text)
}

/** The second that was formatted last: a thousand lines share it. */
const formatted = { second: -1, text: '' }

/** As `Date.toISOString`; `now` is milliseconds since the epoch. */
export function isoTime(now: number): string {
  const second = Math.floor(now / 1000)
  if (second !== formatted.second) {
    formatted.second = second
    formatted.text = new Date(second * 1000).toISOString().slice(0, -'000Z'.length)
  }
  return `${formatted.text}${String(now - second * 1000).padStart(3, '0')}Z`
}

// JSON of strangers: parsed only when it is not nested so deep that parsing it becomes an attack.

/** No manifest comes near; `JSON.parse` takes more than a second for a few MiB of open brackets. */
const MAX_DEPTH = 64

const [QUOTE, BACKSLASH, OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = Buffer.from('"\\[]{}')

/** The value of JSON in UTF-8. Throws a SyntaxError or TypeError for anything else, also for too deep nesting. */
export function parseBoundedJson(bytes: Uint8Array): unknown {
  if (isTooDeep(bytes)) throw new SyntaxError(`nested deeper than ${MAX_DEPTH} levels`)
  return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
}

/** Every byte of a multi-byte character is above 127, so that bytes can be looked at one by one. */
function isTooDeep(bytes: Uint8Array): boolean {
  let depth = 0
  let isInString = false
  for (let index = 0; index < bytes.length; index++) {
    const byte = bytes[index]
    if (isInString) {
      if (byte === BACKSLASH) index += 1
      else if (byte === QUOTE) isInString = false
    } else if (byte === QUOTE) isInString = true
    else if (byte === OPEN_LIST || byte === OPEN_OBJECT) {
      depth += 1
      if (depth > MAX_DEPTH) return true
    } else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) depth -= 1
  }
  return false
}

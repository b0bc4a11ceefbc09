// Values that a test knows to be valid.

/** The value, which the test itself has written to be valid. */
export function known<T>(value: T | undefined): T {
  if (value === undefined) throw new TypeError('the test wrote a value that is not valid')
  return value
}

// What the patterns mean, written without any care for speed: the oracle of the tests.

/** Whether `glob` matches the whole of `text`. */
export function matchesNaively(glob: string, text: string): boolean {
  if (glob === '') return text === ''
  if (glob.startsWith('**'))
    return tails(text, text.length).some((tail) => matchesNaively(glob.slice(2), tail))
  if (glob.startsWith('*')) {
    const slash = text.indexOf('/')
    const reach = slash === -1 ? text.length : slash
    return tails(text, reach).some((tail) => matchesNaively(glob.slice(1), tail))
  }
  const [first = ''] = text
  const isOne = glob.startsWith('?') ? first !== '' && first !== '/' : first === glob[0]
  return isOne && matchesNaively(glob.slice(1), text.slice(1))
}

function tails(text: string, reach: number): string[] {
  return Array.from({ length: reach + 1 }, (_, index) => text.slice(index))
}

// The alternative names of a certificate's subject, as Node writes them: `DNS:a.example.com, email:"odd, one@x"`.

/** A name with special characters stands there as a JSON string. */
const ENTRY = /([A-Za-z][A-Za-z ]*):("(?:[^"\\]|\\.)*"|[^",]*)(?:, |$)/y

/** The names of one kind (`DNS`, `email`, `URI`); empty when the text is of another form. */
export function subjectAltNames(text: string, kind: string): string[] {
  const names: string[] = []
  ENTRY.lastIndex = 0
  while (ENTRY.lastIndex < text.length) {
    const [, each, value = ''] = ENTRY.exec(text) ?? []
    const name = value.startsWith('"') ? unquoted(value) : value
    // What is not understood must not hide one name behind another.
    if (each === undefined || name === undefined) return []
    if (each === kind) names.push(name)
  }
  return names
}

function unquoted(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'string' ? value : undefined
  } catch {
    return undefined
  }
}

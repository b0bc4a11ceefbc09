// Search filters (RFC 4515) with texts of strangers in them.

const SPECIAL = /[\0*()\\]/g
const PLACEHOLDER = /\$\{(user|dn)\}/g

/** The filter with `${user}` and `${dn}` replaced; what they hold can not change what the filter means. */
export function fillFilter(
  template: string,
  values: { readonly user: string; readonly dn?: string },
): string {
  return template.replace(PLACEHOLDER, (_, key: string) =>
    escapeValue((key === 'dn' ? values.dn : values.user) ?? ''),
  )
}

/** RFC 4515 §3, `valueencoding`: other characters stand for themselves. */
function escapeValue(value: string): string {
  return value.replace(SPECIAL, (character) => `\\${character.charCodeAt(0).toString(16).padStart(2, '0')}`)
}

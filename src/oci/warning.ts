// The `Warning` header (distribution-spec "Warnings"; RFC 7234 §5.5).

/** `299 - "<text>"`; what a quoted string can not hold is left out. */
export function formatWarning(text: string): string {
  return `299 - "${text.replaceAll(/["\\]/g, '')}"`
}

// The host that a request was sent to, as it is compared with configured names.

/** A `Host` header without its port, in lower case. */
export function hostNameOf(header: string): string {
  return header.replace(/:\d+$/, '').toLowerCase()
}

// The headers of every answer below `/v2/`, whoever gives it.

/** Content is data: a browser must neither guess its type nor run it. */
export const COMMON_ANSWER_HEADERS: Readonly<Record<string, string>> = {
  'Docker-Distribution-Api-Version': 'registry/2.0',
  'X-Content-Type-Options': 'nosniff',
  'Content-Security-Policy': "sandbox; default-src 'none'",
}

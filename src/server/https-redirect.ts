// Sends plain HTTP to HTTPS.
import type { RequestListener } from 'node:http'
import type { OriginResolver } from './origin.ts'

/**
 * Answers 308, which keeps method and body (RFC 9110 §15.4.9). `httpsPort` is where TLS is served; 443 is left out of
 * the URL. With a public URL that is used as it is.
 */
export function createHttpsRedirect(origins: OriginResolver, httpsPort: () => number): RequestListener {
  return (req, res) => {
    const { origin } = origins.of(req, false)
    const url = new URL(origin)
    if (url.protocol === 'http:') {
      url.protocol = 'https:'
      url.port = String(httpsPort())
    }
    // The path begins with a slash, so it can not become a part of the authority.
    const path = req.url?.startsWith('/') ? req.url : '/'
    res.writeHead(308, { Location: url.origin + path, 'Content-Length': 0 }).end()
    req.resume()
  }
}

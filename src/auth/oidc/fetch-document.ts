// One JSON document from an issuer: bounded in time and size, no redirect followed.
import { parseBoundedJson } from '../../oci/bounded-json.ts'

const MAX_BYTES = 256 * 1024
const TIMEOUT_MS = 5_000

export interface FetchDocumentOptions {
  /** PEM of the authorities that sign the server's certificate, in place of the system's. */
  readonly ca?: string | undefined
}

/** The value of the JSON at `url`. Rejects for anything but 200, and when it is large or slow. */
export async function fetchDocument(url: string, { ca }: FetchDocumentOptions = {}): Promise<unknown> {
  // Large, and of no use to who trusts no issuer.
  const { Agent, request } = await import('undici')
  // Of its own: a document is asked for every few minutes, no connection is worth keeping.
  const dispatcher = new Agent({ connect: { timeout: TIMEOUT_MS, ...(ca === undefined ? {} : { ca }) } })
  try {
    const { statusCode, body } = await request(url, {
      dispatcher,
      headers: { accept: 'application/json' },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    if (statusCode !== 200) throw new TypeError(`${url} answered ${statusCode}`)
    const pieces: Buffer[] = []
    let size = 0
    for await (const piece of body as AsyncIterable<Buffer>) {
      size += piece.length
      if (size > MAX_BYTES) throw new RangeError(`${url} answered more than ${MAX_BYTES} bytes`)
      pieces.push(piece)
    }
    return parseBoundedJson(Buffer.concat(pieces))
  } finally {
    await dispatcher.destroy()
  }
}

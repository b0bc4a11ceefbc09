// What passes through one of the stand-in's servers: the request as it is kept for assertions, and the reply to send.
import type { IncomingHttpHeaders } from 'node:http'
import { Readable } from 'node:stream'

/** The registry itself, the token realm, or the CDN that keeps the blobs: three origins. */
export type HubServer = 'registry' | 'token' | 'cdn'

/** One request as it came in. `status`, `bytesSent` and `endedAt` are filled as the answer goes out. */
export interface HubRequest {
  readonly server: HubServer
  readonly method: string
  /** With its query. */
  readonly path: string
  readonly headers: IncomingHttpHeaders
  /** What a POST carried; empty otherwise. */
  readonly body: string
  /** The answer's; 0 while nothing was sent. */
  status: number
  /** Bytes of the answer's body, handed to the socket. */
  bytesSent: number
  /** How the answer ended; undefined while it runs. `aborted`: the client went away first. */
  outcome: 'complete' | 'aborted' | 'broken' | undefined
}

/** Bytes that can be read from anywhere. `end` is exclusive. */
export interface ReplyBody {
  readonly size: number
  read(start: number, end: number): Readable
}

export interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** What a GET is sent; a HEAD gets its length alone. */
  readonly body?: ReplyBody
  /** The body goes without its length, in chunks. */
  readonly isUnannounced?: boolean
}

/** A reply of the spec's error JSON (distribution-spec, "Error Codes"). */
export function errorReply(
  status: number,
  code: string,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): Reply {
  return jsonReply(status, { errors: [{ code, message }] }, headers)
}

export function jsonReply(
  status: number,
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
): Reply {
  const body = bodyOf(Buffer.from(JSON.stringify(value)))
  return { status, headers: { 'Content-Type': 'application/json', ...headers }, body }
}

/** Bytes at hand, as a body. */
export function bodyOf(bytes: Buffer): ReplyBody {
  return { size: bytes.length, read: (start, end) => Readable.from([bytes.subarray(start, end)]) }
}

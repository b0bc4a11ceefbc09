// The failures a client of the Distribution API is told about: code, HTTP status, JSON body.

/** HTTP status answered for each error code (distribution-spec v1.1 "Error Codes", and the codes registry:2 added). */
const STATUS = {
  BLOB_UNKNOWN: 404,
  BLOB_UPLOAD_INVALID: 400,
  BLOB_UPLOAD_UNKNOWN: 404,
  DENIED: 403,
  DIGEST_INVALID: 400,
  MANIFEST_BLOB_UNKNOWN: 400,
  MANIFEST_INVALID: 400,
  MANIFEST_UNKNOWN: 404,
  NAME_INVALID: 400,
  NAME_UNKNOWN: 404,
  PAGINATION_NUMBER_INVALID: 400,
  RANGE_INVALID: 416,
  SIZE_INVALID: 400,
  TAG_INVALID: 400,
  TOOMANYREQUESTS: 429,
  UNAUTHORIZED: 401,
  UNAVAILABLE: 503,
  UNKNOWN: 500,
  UNSUPPORTED: 405,
} as const

export type ErrorCode = keyof typeof STATUS

export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(STATUS, text)
}

export interface RegistryErrorOptions {
  /** Sent to the client as it is: never put a credential or an upstream's address here. */
  detail?: unknown
  /** Only logged. */
  cause?: unknown
  /** In place of the code's usual status, such as 413 for a manifest that is too large or 502 for a broken upstream. */
  status?: number
  /** Response headers that belong to the failure: `WWW-Authenticate`, `Retry-After`, `Range`, `Allow`. */
  headers?: Readonly<Record<string, string>>
}

/** A failure the client is told about: `detail` is sent, `cause` is only logged. */
export class RegistryError extends Error {
  override readonly name = 'RegistryError'
  readonly code: ErrorCode
  readonly detail: unknown
  readonly status: number
  readonly headers: Readonly<Record<string, string>>

  constructor(code: ErrorCode, message: string, options: RegistryErrorOptions = {}) {
    // Without a stack: nobody reads that of a refusal, and to write it down costs more than the rest of the refusal does.
    // A bug's own is in `cause`.
    const { stackTraceLimit } = Error
    Error.stackTraceLimit = 0
    super(message, { cause: options.cause })
    Error.stackTraceLimit = stackTraceLimit
    this.code = code
    this.detail = options.detail
    this.status = options.status ?? STATUS[code]
    this.headers = options.headers ?? {}
  }

  toJSON(): { errors: [{ code: ErrorCode; message: string; detail?: unknown }] } {
    return { errors: [{ code: this.code, message: this.message, detail: this.detail }] }
  }
}

// The registry under test, as the commands of the model talk to it.
import assert from 'node:assert/strict'
import { isErrorCode } from '../../../src/oci/error.ts'
import { send, type Answer, type RequestOptions } from '../../support/http.ts'

export const ALICE = { username: 'alice', password: 'alice-secret' }

export class Real {
  readonly #url: string

  constructor(url: string) {
    this.#url = url
  }

  /** Sends a request, as alice or without a login, and checks what holds for every answer. */
  async ask(path: string, options: RequestOptions & { readonly login?: boolean } = {}): Promise<Answer> {
    const { login = true, ...rest } = options
    const answer = await send(`${this.#url}${path}`, { ...rest, ...(login ? { account: ALICE } : {}) })
    const what = `${options.method ?? 'GET'} ${path}: ${answer.status} ${answer.status >= 400 ? answer.text() : ''}`
    assert.ok(answer.status < 500, what)
    assert.equal(answer.headers['docker-distribution-api-version'], 'registry/2.0', what)
    assert.equal(answer.headers['x-content-type-options'], 'nosniff', what)
    if (answer.status >= 400 && options.method !== 'HEAD' && answer.body.length > 0) codeOf(answer)
    return answer
  }
}

/** The error code of an answer in the specification's form. */
export function codeOf(answer: Answer): string {
  const { errors } = answer.json<{ errors: { code: string; message: string }[] }>()
  const [error] = errors
  assert.ok(error && isErrorCode(error.code) && error.message.length > 0, answer.text())
  return error.code
}

export function assertRefused(answer: Answer, status: number, code: string): void {
  assert.equal(`${answer.status} ${codeOf(answer)}`, `${status} ${code}`)
}

/** A path of the API on the registry's own address, out of a `Location`. */
export function pathOf(location: string | undefined): string {
  const url = new URL(location ?? '')
  return url.pathname + url.search
}

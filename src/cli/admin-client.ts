// The client side of the admin API: how a command lets the running gateway do the work.
import type { OperationLine } from '../admin/store-api.ts'
import type { StoreOffice } from '../core/bundled/store-lock.ts'

const MAX_LINE_BYTES = 16 * 1024 * 1024

/** Runs an operation in the process behind `office`: yields its steps, returns its result, throws its refusal. */
export async function* callOperation(
  office: StoreOffice,
  { store, operation, input }: { store: string; operation: string; input: object },
  signal: AbortSignal,
): AsyncGenerator<object, object, void> {
  const url = new URL(`/api/stores/${encodeURIComponent(store)}/${encodeURIComponent(operation)}`, office.url)
  const response = await fetch(url, {
    method: 'POST',
    headers: { Authorization: `Local ${office.token}`, 'Content-Type': 'application/json' },
    body: JSON.stringify(input),
    signal,
  }).catch((cause: unknown) => {
    throw new Error(`the running gateway does not answer at ${office.url}`, { cause })
  })
  if (!response.ok || response.body === null) throw new Error(await refusalOf(response))
  for await (const line of linesOf(response.body)) {
    const parsed = JSON.parse(line) as OperationLine // our own server's, of the same version
    if ('error' in parsed) throw new Error(parsed.error.message)
    if ('result' in parsed) return parsed.result
    yield parsed.step
  }
  throw new Error('the running gateway ended in the middle of the work: run the command again')
}

async function refusalOf(response: Response): Promise<string> {
  const text = await response.text()
  try {
    const { errors } = JSON.parse(text) as { errors: { message: string }[] }
    return errors.map(({ message }) => message).join('; ')
  } catch {
    return `the running gateway answers ${response.status}`
  }
}

async function* linesOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > MAX_LINE_BYTES) throw new Error('the running gateway answers with an endless line')
    yield* lines.filter((line) => line !== '')
  }
}

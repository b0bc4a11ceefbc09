// The pieces of a body, one by one as they arrive: an iterator of promises costs half as much again as receiving them.
import { finished, type Readable } from 'node:stream'
import { giveBack } from '../piece-garbage.ts'

// Not imported, as in server/listener.ts: it would bring an HTTP client along.
const { IncomingMessage } = process.getBuiltinModule('node:http')

/**
 * Calls `take` with every piece of the body, at its pace; resolves at the end. A piece may be emptied as soon as it is taken.
 * Rejects with what `take` fails with, and leaves the body alive then: the client still has to read the answer.
 */
export function eachPiece(body: Readable, take: (piece: Buffer) => Promise<void> | undefined): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const empty = body instanceof IncomingMessage ? giveBack : () => undefined
  let taking: Promise<void> | undefined
  const end = (error: unknown): void => {
    forget()
    body.off('data', onPiece)
    if (error) body.pause()
    // A client that hangs up does not end what is being done with its last piece.
    const settle = (): void => (error ? reject(error) : resolve())
    if (taking) taking.then(settle, reject)
    else settle()
  }
  const onPiece = (piece: Buffer): void => {
    try {
      taking = take(piece)
    } catch (error) {
      return end(error)
    }
    if (!taking) return empty(piece)
    body.pause()
    taking.then(() => {
      taking = undefined
      empty(piece)
      body.resume()
    }, end)
  }
  const forget = finished(body, { writable: false }, end)
  body.on('data', onPiece)
  return promise
}

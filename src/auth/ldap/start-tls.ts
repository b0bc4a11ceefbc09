// StartTLS on a plain connection (RFC 4511 §4.14), done here: ldapts does it without a deadline, and keeps what an
// attacker sent in the clear before TLS began.
import type { Socket } from 'node:net'

/** ExtendedRequest, message 1, of 1.3.6.1.4.1.1466.20037. */
const REQUEST = Buffer.concat([
  Buffer.from([0x30, 0x1d, 0x02, 0x01, 0x01, 0x77, 0x18, 0x80, 0x16]),
  Buffer.from('1.3.6.1.4.1.1466.20037'),
])
const [SEQUENCE, INTEGER, ENUMERATED, EXTENDED_RESPONSE] = [0x30, 0x02, 0x0a, 0x78]
/** An error's explanation is short. */
const MAX_BYTES = 4096

interface Element {
  readonly tag: number
  readonly content: Buffer
  readonly rest: Buffer
}

/** Asks for TLS; resolves when the next byte belongs to the handshake. Rejects when the server will not, or says more. */
export async function startTls(socket: Socket): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<Element>()
  let received: Buffer = Buffer.alloc(0)
  const onData = (piece: Buffer): void => {
    received = Buffer.concat([received, piece])
    try {
      const answer = readElement(received)
      if (answer) resolve(answer)
      else if (received.length > MAX_BYTES) throw new RangeError('the answer to StartTLS is too long')
    } catch (error) {
      reject(error)
    }
  }
  const onEnd = (): void => reject(new TypeError('the server ends the connection at StartTLS'))
  socket.on('data', onData).once('end', onEnd).once('close', onEnd)
  socket.write(REQUEST)
  try {
    requireSuccess(await promise)
  } finally {
    socket.off('data', onData).off('end', onEnd).off('close', onEnd)
  }
}

function requireSuccess({ tag, content, rest }: Element): void {
  const id = readElement(content)
  const response = id && readElement(id.rest)
  const code = response && readElement(response.content)
  const isAnswer =
    tag === SEQUENCE && id?.tag === INTEGER && response?.tag === EXTENDED_RESPONSE && code?.tag === ENUMERATED
  if (!isAnswer) throw new TypeError('the answer to StartTLS is no LDAP')
  if (code.content.readUIntBE(0, code.content.length) !== 0)
    throw new TypeError('the server refuses StartTLS')
  // RFC 4511 §4.14.1: nothing comes before the handshake; whoever put it there would be believed afterwards.
  if (rest.length > 0) throw new TypeError('there is text behind the answer to StartTLS')
}

/** The first BER element; undefined while it is not whole. */
function readElement(bytes: Buffer): Element | undefined {
  const [tag, first] = bytes
  if (tag === undefined || first === undefined) return undefined
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f
  if (lengthBytes > 4) throw new RangeError('the answer to StartTLS is too long')
  const start = 2 + lengthBytes
  if (bytes.length < start) return undefined
  const length = lengthBytes === 0 ? first & 0x7f : bytes.readUIntBE(2, lengthBytes)
  if (bytes.length < start + length) return undefined
  return { tag, content: bytes.subarray(start, start + length), rest: bytes.subarray(start + length) }
}

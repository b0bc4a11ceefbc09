// The thread's side of hash-thread.ts: answers one question after the other.
import { parentPort } from 'node:worker_threads'
import { matchesHash } from './hashes/kinds.ts'

export interface HashQuestion {
  readonly id: number
  readonly password: string
  readonly hash: string
}

export interface HashAnswer {
  readonly id: number
  /** Undefined: it could not be computed. */
  readonly matches: boolean | undefined
}

parentPort?.on('message', (question: HashQuestion) => {
  const answer: HashAnswer = { id: question.id, matches: answerTo(question) }
  parentPort?.postMessage(answer)
})

/** One hash that can not be computed must not take the questions behind it along. */
function answerTo({ password, hash }: HashQuestion): boolean | undefined {
  try {
    return matchesHash(password, hash)
  } catch {
    return undefined
  }
}

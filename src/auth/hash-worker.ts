// The thread's side of hash-thread.ts: answers one question after the other.
import { setPriority } from 'node:os'
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

/** Of a core that has no rest a thirtieth is still its own: a login takes seconds then, not minutes (setpriority(2), sched(7)). */
const NICENESS = 15

stepBack()
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

/**
 * Gives way to all other threads. A hash takes a large part of a second, and on a core that has more to do the others would wait
 * for it up to 4 ms at a time.
 */
function stepBack(): void {
  try {
    // Only on Linux is it the thread that this is about, and not the process.
    if (process.platform === 'linux') setPriority(0, NICENESS)
  } catch {
    // A sandbox may forbid it: hashes then have their full share.
  }
}

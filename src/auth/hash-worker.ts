// The thread's side of hash-thread.ts: answers one question after the other.
import { parentPort } from 'node:worker_threads'
import { verifyApr1 } from './apr1.ts'

export interface HashQuestion {
  readonly id: number
  readonly kind: keyof typeof VERIFIERS
  readonly password: string
  readonly hash: string
}

export interface HashAnswer {
  readonly id: number
  readonly matches: boolean
}

const VERIFIERS = { apr1: verifyApr1 }

parentPort?.on('message', ({ id, kind, password, hash }: HashQuestion) => {
  const answer: HashAnswer = { id, matches: VERIFIERS[kind](password, hash) }
  parentPort?.postMessage(answer)
})

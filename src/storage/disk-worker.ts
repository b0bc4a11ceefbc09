// The thread's side of disk-threads.ts: does one job after the other.
import { parentPort } from 'node:worker_threads'
import * as changes from './durable-files.ts'
import * as looks from './many-files.ts'
import { codeOf } from './system-error.ts'

const JOBS = { ...changes, ...looks }

export type Jobs = typeof JOBS
export type JobName = keyof Jobs

export interface JobRequest<Name extends JobName = JobName> {
  readonly id: number
  readonly name: Name
  readonly args: Parameters<Jobs[Name]>
}

export interface JobOutcome {
  readonly id: number
  readonly value?: unknown
  /** An error's code does not travel with it. */
  readonly failure?: { readonly message: string; readonly code: string | undefined }
}

parentPort?.on('message', ({ id, name, args }: JobRequest) => {
  parentPort?.postMessage({ id, ...outcomeOf(name, args) })
})

function outcomeOf(name: JobName, args: JobRequest['args']): Omit<JobOutcome, 'id'> {
  const job: (...args: JobRequest['args']) => unknown = JOBS[name] as never
  try {
    return { value: job(...args) }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    return { failure: { message, code: codeOf(error) } }
  }
}

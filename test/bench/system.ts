// What a system under test is: something that serves a folder of content to one account.
import type { TestCertificate } from '../support/certificates.ts'
import { basic } from '../support/http.ts'
import type { Scope } from '../support/scope.ts'
import type { Content } from './content/content.ts'

export const ACCOUNT = { username: 'alice', password: 'bench-secret' }
/** `Authorization` of {@link ACCOUNT}. */
export const BASIC = basic(ACCOUNT.username, ACCOUNT.password)

export interface SystemOptions {
  readonly tls: TestCertificate
  /** The folder of registry:2's layout that is served; every system reads the same one. */
  readonly root: string
  /** What lies there; undefined while it is being filled. */
  readonly content: Content | undefined
  readonly profileFolder: string | undefined
  /** HTTP without TLS. */
  readonly isPlain: boolean
  /** The cores to run on, as taskset has them; by default the servers' one. Of dockgate alone. */
  readonly cores?: string
}

export interface RunningSystem {
  readonly name: string
  /** `https://127.0.0.1:<port>`, or http where that was asked for. */
  readonly url: string
  /** The processes it was started as and that count; their children count as well. */
  readonly pids: readonly number[]
  /** Of dockgate: of its admin API, for {@link ACCOUNT}. */
  readonly adminUrl?: string
  /** Of registry:2: its access log. */
  readonly logFile?: string
}

export interface System {
  /** As tables call it. */
  readonly name: string
  start(t: Scope, options: SystemOptions): Promise<RunningSystem>
}

/** A system that cannot run here. The message says why, and how it could. */
export class CannotRunError extends Error {
  override readonly name = 'CannotRunError'
}

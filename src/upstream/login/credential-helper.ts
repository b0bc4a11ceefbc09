// Logins from a helper program in docker's credential protocol: `docker-credential-NAME get`, the server on its standard
// input, JSON on its standard output.
import { execFile } from 'node:child_process'
import { UpstreamUnavailableError } from '../errors.ts'
import type { Login, LoginSource } from './login-source.ts'

export interface CredentialHelperOptions {
  /** `ecr-login` for `docker-credential-ecr-login` on the PATH, or the program's absolute path. */
  readonly helper: string
  /** What the helper is asked about: an URL or host. */
  readonly server: string
  /** How long an answer is good; default 15 min. One that the upstream refuses is asked for again before. */
  readonly lifetimeMs?: number
  /** How long the helper may take; default 20 s. */
  readonly timeoutMs?: number
  /** Neither a broken helper nor a login that is refused starts more processes than one in so long; default 5 s. */
  readonly pauseMs?: number
}

const MAX_OUTPUT_BYTES = 64 * 1024
/** The username that stands for an identity token. */
const IDENTITY = '<token>'

export function credentialHelper(options: CredentialHelperOptions): LoginSource {
  const { lifetimeMs = 15 * 60_000, pauseMs = 5_000 } = options
  let known: Login | undefined
  let failure: unknown
  let isRefused = false
  let running: Promise<Login> | undefined
  let askedAt = -Infinity

  async function ask(): Promise<Login> {
    askedAt = performance.now()
    try {
      known = await run(options)
      failure = undefined
      return known
    } catch (error) {
      failure = error
      // What it said before may still be good: the upstream will say if it is not.
      if (known) return known
      throw error
    } finally {
      isRefused = false
      running = undefined
    }
  }

  function isDue(): boolean {
    const age = performance.now() - askedAt
    return age >= (isRefused || failure !== undefined ? pauseMs : lifetimeMs)
  }

  return {
    async current() {
      if (!running && isDue()) running = ask()
      // A login that is only to be renewed is good meanwhile; one that was refused is not.
      if (running && (!known || isRefused)) return running
      running?.catch(() => {})
      if (known) return known
      throw failure
    },
    refused() {
      // What is being asked for already will be another one.
      if (!running) isRefused = true
    },
  }
}

/** No word of what the helper wrote gets into an error: it may be a secret. */
async function run(options: CredentialHelperOptions): Promise<Login> {
  const { helper, server, timeoutMs = 20_000 } = options
  const program = helper.startsWith('/') ? helper : `docker-credential-${helper}`
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const limits = { timeout: timeoutMs, killSignal: 'SIGKILL', maxBuffer: MAX_OUTPUT_BYTES } as const
  const child = execFile(program, ['get'], limits, (error, stdout) => {
    if (!error) return resolve(stdout)
    reject(new UpstreamUnavailableError(`the credential helper ${program} ${reasonOf(error)}`))
  })
  // One that does not read its input is none the worse for it.
  child.stdin?.on('error', () => {}).end(server)
  const login = parseLogin(await promise)
  if (!login) throw new UpstreamUnavailableError(`the credential helper ${program} answered no login`)
  return login
}

function reasonOf(error: { code?: unknown; killed?: boolean }): string {
  if (error.code === 'ENOENT') return 'was not found'
  if (error.code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') return 'answered too much'
  if (error.killed === true) return 'did not answer in time'
  return `failed (${String(error.code)})`
}

function parseLogin(text: string): Login | undefined {
  try {
    const answer: unknown = JSON.parse(text)
    if (typeof answer !== 'object' || answer === null) return undefined
    const username = 'Username' in answer ? answer.Username : undefined
    const secret = 'Secret' in answer ? answer.Secret : undefined
    if (typeof username !== 'string' || typeof secret !== 'string' || secret === '') return undefined
    if (username === IDENTITY) return { kind: 'identity', token: secret }
    return { kind: 'password', username, password: secret }
  } catch {
    return undefined
  }
}

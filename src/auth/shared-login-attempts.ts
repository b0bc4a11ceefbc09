// Logins are counted for all processes together, in the primary: who guesses has no more tries with more of them.
import { agreed } from '../cache/agreed.ts'
import type { Peers } from '../cache/peers.ts'
import {
  LocalLoginAttempts,
  type AttemptEnd,
  type LoginAttempt,
  type LoginAttempts,
  type LoginAttemptsOptions,
  type Standing,
} from './login-attempts.ts'

const TOPIC = 'login attempts'
const KEY_TOPIC = 'key of login attempts'

/** The credential, its counters, and at the end of an attempt how it stood and how it ended. */
type Question = readonly [string, LoginAttempt['counters'], (readonly [Standing, AttemptEnd])?]

/** The primary has to have its own before a worker asks for them. */
export async function sharedLoginAttempts(
  peers: Peers,
  options: LoginAttemptsOptions,
): Promise<LoginAttempts> {
  if (!peers.isPrimary) return new AskedLoginAttempts(peers, await agreed(peers, KEY_TOPIC, () => ''))
  const attempts = new LocalLoginAttempts(options)
  await agreed(peers, KEY_TOPIC, () => attempts.key)
  peers.answer(TOPIC, async (question) => {
    const [credential, counters, ended] = question as Question // AskedLoginAttempts alone asks
    const attempt = { credential, counters }
    if (!ended) return attempts.begin(attempt)
    await attempts.end(attempt, ...ended)
    return null
  })
  return attempts
}

class AskedLoginAttempts implements LoginAttempts {
  readonly key: string
  readonly #peers: Peers

  constructor(peers: Peers, key: string) {
    this.#peers = peers
    this.key = key
  }

  async begin(attempt: LoginAttempt): Promise<Standing | number> {
    const { credential, counters } = attempt
    return (await this.#peers.askPrimary(TOPIC, [credential, counters])) as Standing | number // what begin() answers there
  }

  async end({ credential, counters }: LoginAttempt, standing: Standing, how: AttemptEnd): Promise<void> {
    await this.#peers.askPrimary(TOPIC, [credential, counters, [standing, how]])
  }
}

// A client's command line, run to its end.
import { execFile } from 'node:child_process'

const TIMEOUT_MS = 120_000

/** The client ended with an error; the message is what it wrote on stderr. */
export class ClientError extends Error {
  override readonly name = 'ClientError'
}

/** Runs a client with `args`. Resolves with its standard output; rejects with {@link ClientError}. */
export type Client = (args: readonly string[], options?: { readonly input?: string }) => Promise<string>

/** A client with flags that come before every command, and an environment of its own. */
export function clientOf(
  program: string,
  flags: readonly string[],
  env: Readonly<Record<string, string>>,
): Client {
  return (args, { input = '' } = {}) =>
    new Promise((resolve, reject) => {
      const options = { env: { ...process.env, ...env }, timeout: TIMEOUT_MS }
      const child = execFile(program, [...flags, ...args], options, (error, stdout, stderr) => {
        if (error === null) resolve(stdout)
        else
          reject(
            new ClientError(`${program} ${args[0]}: ${stderr.trim() || error.message}`, { cause: error }),
          )
      })
      child.stdin?.on('error', () => undefined) // a client that refuses does not read its input
      child.stdin?.end(input)
    })
}

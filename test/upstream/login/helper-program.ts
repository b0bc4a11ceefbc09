// A credential helper for tests: a shell script that keeps count of its runs and answers what the test has put into a file.
import { chmod, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { temporaryFolder, type Scope } from '../../support/scope.ts'

export interface HelperProgram {
  /** Its absolute path. */
  readonly path: string
  /** The folder it lies in, as `docker-credential-test`. */
  readonly folder: string
  /** From now on it answers this login. */
  answers(login: { username: string; secret: string }): Promise<void>
  /** What it was asked, one line a run: the arguments, and what came in. */
  runs(): Promise<string[]>
}

/** `script` takes the place of the answer: what it writes to its standard output is one. */
export async function writeHelper(t: Scope, script?: string): Promise<HelperProgram> {
  const folder = await temporaryFolder(t)
  const path = join(folder, 'docker-credential-test')
  const [answer, runs] = [join(folder, 'answer'), join(folder, 'runs')]
  await writeFile(runs, '')
  await writeFile(
    path,
    `#!/bin/sh\nread server\necho "$* $server" >> '${runs}'\n${script ?? `cat '${answer}'`}\n`,
  )
  await chmod(path, 0o755)
  return {
    path,
    folder,
    answers: ({ username, secret }) =>
      writeFile(answer, JSON.stringify({ ServerURL: 'x', Username: username, Secret: secret })),
    runs: async () => (await readFile(runs, 'utf8')).split('\n').filter((line) => line !== ''),
  }
}

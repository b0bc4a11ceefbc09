// Where a file is written that is to take another one's place in one step.
import { randomBytes } from 'node:crypto'
import { dirname, join } from 'node:path'

/** registry:2 takes no name that begins with a dot for a tag, a repository, a link or a blob. */
export function temporaryBeside(path: string): string {
  return join(dirname(path), `.${randomBytes(12).toString('hex')}.tmp`)
}

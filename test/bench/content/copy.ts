// A copy of what all systems serve, for one that must have the folder alone.
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { temporaryFolder, type Scope } from '../../support/scope.ts'

/**
 * Takes no room: files are hard links. What is removed or replaced in the copy is as it was in the original.
 * A lock that another gateway holds is not copied.
 */
export async function copyOf(t: Scope, root: string): Promise<string> {
  const copy = await temporaryFolder(t)
  await promisify(execFile)('cp', ['-al', join(root, 'docker'), copy])
  return copy
}

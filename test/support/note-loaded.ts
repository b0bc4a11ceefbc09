// Loaded into a program before anything else, with --import: writes down what it has loaded, when it ends.
import { writeFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { join } from 'node:path'
import { threadId } from 'node:worker_threads'

const folder = process.env['NOTE_LOADED'] ?? ''
const files: string[] = []

registerHooks({
  load(url, context, next) {
    files.push(url)
    return next(url, context)
  },
})
process.on('exit', () => {
  // Node's own modules, under the names that it has for them.
  const { moduleLoadList } = process as unknown as { readonly moduleLoadList: readonly string[] }
  writeFileSync(join(folder, `${process.pid}-${threadId}.txt`), [...files, ...moduleLoadList].join('\n'))
})

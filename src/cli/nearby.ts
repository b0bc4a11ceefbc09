// Paths as people read them.
import { relative } from 'node:path'

/** Relative to the working directory when the path lies below it. */
export function nearby(path: string): string {
  const short = relative(process.cwd(), path)
  return short === '' || short.startsWith('..') ? path : short
}

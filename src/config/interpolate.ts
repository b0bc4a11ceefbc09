// `_env:NAME` and `_env:NAME:default` in the strings of a configuration.
import type { ConfigPath, PathProblem } from './problem.ts'

/** The process environment, or a stand-in. */
export type Environment = Readonly<Record<string, string | undefined>>

/** The value that `text` stands for when it begins with `_env:`, and the value of any other text: itself. */
function interpolateText(text: string, env: Environment): { value: string } | { problem: string } {
  if (!text.startsWith('_env:')) return { value: text }
  const match = /^_env:([A-Za-z_][A-Za-z0-9_]*)(?::([\s\S]*))?$/.exec(text)
  if (!match) return { problem: 'must be written _env:NAME or _env:NAME:default' }
  const [, name = '', fallback] = match
  const value = (Object.hasOwn(env, name) ? env[name] : undefined) ?? fallback
  if (value !== undefined) return { value }
  return { problem: `environment variable ${name} is not set; set it, or write _env:${name}:default` }
}

/**
 * A copy of `value` in which every string that begins with `_env:` is replaced. The default is all that follows the second colon;
 * a variable that is set to nothing counts as set. What cannot be replaced stays as it is and is reported.
 */
export function interpolate(value: unknown, env: Environment): { value: unknown; problems: PathProblem[] } {
  const problems: PathProblem[] = []
  const visit = (node: unknown, path: ConfigPath): unknown => {
    if (Array.isArray(node)) return node.map((item, index) => visit(item, [...path, index]))
    if (typeof node === 'object' && node !== null)
      return Object.fromEntries(Object.entries(node).map(([key, item]) => [key, visit(item, [...path, key])]))
    if (typeof node !== 'string') return node
    const result = interpolateText(node, env)
    if ('value' in result) return result.value
    problems.push({ path, message: result.problem })
    return node
  }
  return { value: visit(value, []), problems }
}

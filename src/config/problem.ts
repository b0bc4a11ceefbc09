// A problem while it is still tied to a key of the configuration and not yet to a line.

/** The keys and list positions that lead to a value. */
export type ConfigPath = readonly (string | number)[]

/** Something wrong at `path`. */
export interface PathProblem {
  readonly path: ConfigPath
  readonly message: string
}

/** `listen[0].tls`, `repositories."docker.io/**".store`: the path in one word for a message. */
export function formatPath(path: ConfigPath): string {
  return path
    .map((step, index) => {
      if (typeof step === 'number') return `[${step}]`
      return `${index === 0 ? '' : '.'}${/^[\w-]+$/.test(step) ? step : JSON.stringify(step)}`
    })
    .join('')
}

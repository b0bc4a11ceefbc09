// Orders work by key: shared work goes side by side, other work goes alone.

export interface Locks {
  /** Runs `work` beside other shared work of the key. */
  shared<Result>(key: string, work: () => Promise<Result>): Promise<Result>
  /** Runs `work` while nothing else of the key runs. */
  alone<Result>(key: string, work: () => Promise<Result>): Promise<Result>
}

export type LockMode = 'shared' | 'alone'

interface Turn {
  readonly mode: LockMode
  readonly begin: () => void
}

interface Line {
  running: number
  isAlone: boolean
  readonly waiting: Turn[]
}

/** The locks of a process that is alone. First come, first served: neither kind can starve the other. */
export class LocalLocks implements Locks {
  readonly #lines = new Map<string, Line>()

  shared<Result>(key: string, work: () => Promise<Result>): Promise<Result> {
    return this.#run(key, 'shared', work)
  }

  alone<Result>(key: string, work: () => Promise<Result>): Promise<Result> {
    return this.#run(key, 'alone', work)
  }

  /** Resolves when its turn has come, with what is to be called, once, when it is over. */
  acquire(key: string, mode: LockMode): Promise<() => void> {
    const line = this.#lines.get(key) ?? { running: 0, isAlone: false, waiting: [] }
    this.#lines.set(key, line)
    return new Promise((resolve) => {
      line.waiting.push({ mode, begin: () => resolve(() => this.#leave(key, line)) })
      this.#admit(line)
    })
  }

  async #run<Result>(key: string, mode: LockMode, work: () => Promise<Result>): Promise<Result> {
    const release = await this.acquire(key, mode)
    try {
      return await work()
    } finally {
      release()
    }
  }

  #admit(line: Line): void {
    for (;;) {
      const [next] = line.waiting
      if (!next || line.isAlone || (next.mode === 'alone' && line.running > 0)) return
      line.waiting.shift()
      line.running += 1
      line.isAlone = next.mode === 'alone'
      next.begin()
    }
  }

  #leave(key: string, line: Line): void {
    line.running -= 1
    line.isAlone = false
    this.#admit(line)
    if (line.running === 0) this.#lines.delete(key)
  }
}

// Orders the writes of one repository: pushes go side by side, a delete goes alone.
import type { RepositoryName } from '../../../oci/repository-name.ts'

interface Queue {
  /** The end of the last one that goes alone. */
  alone: Promise<unknown>
  /** The end of all that came after it. */
  together: Promise<unknown>
  users: number
}

/** First come, first served: neither kind can starve the other. */
export class RepositoryLocks {
  readonly #queues = new Map<RepositoryName, Queue>()

  /** Runs `work` beside other shared work of the repository. */
  shared<Result>(repository: RepositoryName, work: () => Promise<Result>): Promise<Result> {
    return this.#enter(repository, (queue) => {
      const done = queue.alone.then(work)
      queue.together = Promise.allSettled([queue.together, done])
      return done
    })
  }

  /** Runs `work` while nothing else of the repository runs. */
  alone<Result>(repository: RepositoryName, work: () => Promise<Result>): Promise<Result> {
    return this.#enter(repository, (queue) => {
      const done = queue.together.then(work)
      queue.alone = queue.together = Promise.allSettled([done])
      return done
    })
  }

  async #enter<Result>(
    repository: RepositoryName,
    enqueue: (queue: Queue) => Promise<Result>,
  ): Promise<Result> {
    const idle = Promise.resolve()
    const queue = this.#queues.get(repository) ?? { alone: idle, together: idle, users: 0 }
    this.#queues.set(repository, queue)
    queue.users += 1
    try {
      return await enqueue(queue)
    } finally {
      queue.users -= 1
      if (queue.users === 0) this.#queues.delete(repository)
    }
  }
}

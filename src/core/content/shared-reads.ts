// One read for all who want the same at the same time, which never answers what was so before they came.

/** What is read now, and what those wait for who came meanwhile. */
interface Flight<Value> {
  readonly running: Promise<Value>
  next?: Promise<Value>
}

export class SharedReads<Value> {
  readonly #flights = new Map<string, Flight<Value>>()

  /** Callers share a read that begins after they came: one that runs already may have missed what they know of. */
  read(key: string, read: () => Promise<Value>): Promise<Value> {
    const flight = this.#flights.get(key)
    if (flight === undefined) return this.#start(key, read)
    const start = () => this.#start(key, read)
    flight.next ??= flight.running.then(start, start)
    return flight.next
  }

  #start(key: string, read: () => Promise<Value>): Promise<Value> {
    const flight: Flight<Value> = {
      running: read().finally(() => {
        if (flight.next === undefined) this.#flights.delete(key)
      }),
    }
    this.#flights.set(key, flight)
    return flight.running
  }
}

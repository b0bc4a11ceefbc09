// One load for concurrent callers.

/** Lets concurrent callers that want the same key share one load. A failure is shared, never remembered. */
export class SingleFlight<Value> {
  readonly #flights = new Map<string, Promise<Value>>()

  run(key: string, load: () => Promise<Value>): Promise<Value> {
    const flight = this.#flights.get(key)
    if (flight) return flight
    // `load` takes no caller's signal: one client that hangs up must not fail the others.
    const started = load().finally(() => {
      if (this.#flights.get(key) === started) this.#flights.delete(key)
    })
    this.#flights.set(key, started)
    return started
  }

  /** Callers from now on start a load of their own. */
  forget(key: string): void {
    this.#flights.delete(key)
  }
}

// Who is here at the moment, where somebody comes and goes with every request.

/**
 * A set by places. A `Set` or `Map` that much is added to and deleted from leaves a former table behind every few dozen changes,
 * with what it held, and each of them knows the next one: once the first has grown old, the young generation's collector keeps
 * them all, and half of all requests with them, until the whole heap is collected.
 */
export class Roster<Item> {
  readonly #places: (Item | undefined)[] = []
  readonly #free: number[] = []

  /** Answers the item's place. */
  enter(item: Item): number {
    const place = this.#free.pop() ?? this.#places.length
    this.#places[place] = item
    return place
  }

  /** To be called once for each place. */
  leave(place: number): void {
    this.#places[place] = undefined
    this.#free.push(place)
  }

  /** Looks at one after the other: not for what happens with every request. */
  some(is: (item: Item) => boolean): boolean {
    return this.#places.some((item) => item !== undefined && is(item))
  }

  *[Symbol.iterator](): Generator<Item> {
    for (const item of this.#places) if (item !== undefined) yield item
  }
}

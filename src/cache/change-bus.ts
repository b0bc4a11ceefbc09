// The contract between processes that share a store of record: who writes tells the others before it answers.

/** What changed: an opaque topic, such as a repository of a route, and the part of it, or all. */
export interface Change {
  readonly topic: string
  /** Undefined: everything of the topic. */
  readonly item?: string
}

export interface ChangeBus {
  /**
   * For how long (ms) what is learned of the store from now on may be used without asking again: 0 while this process
   * could miss a change; undefined when no other process can change the store.
   */
  lease(): number | undefined
  /** Counts the changes of a topic over all processes; undefined while that is unknown. */
  generation(topic: string): Promise<number | undefined>
  /** Resolves once no other process uses what it knew before the change. To be awaited before a write is answered. */
  announce(change: Change): Promise<void>
  /** Calls back for each change that another process announced, before that process answers its client. */
  subscribe(listener: (change: Change) => void): void
  close(): Promise<void>
}

/** The bus of a process that is alone with its store. */
export const ALONE: ChangeBus = {
  lease: () => undefined,
  generation: async () => undefined,
  announce: async () => {},
  subscribe: () => {},
  close: async () => {},
}

// Tells the other processes of a gateway what an upstream said of a tag: none of them goes on with what it said before.
import type { Peers } from '../../cache/peers.ts'
import type { Tag } from '../../oci/reference.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'

/** It means something else now, or nothing, as the store says; or nobody is to be served before the upstream was asked. */
export type TagNewsKind = 'moved' | 'refused'

type Listener = (kind: TagNewsKind, repository: RepositoryName, tag: Tag) => void

export class TagNews {
  readonly #peers: Peers
  readonly #topic: string
  readonly #listeners: Listener[] = []

  /** `topic`: one for each mirror, the same in all processes. */
  constructor(peers: Peers, topic: string) {
    this.#peers = peers
    this.#topic = topic
    peers.answer(topic, (news) => {
      const [kind, repository, tag] = news as readonly [TagNewsKind, RepositoryName, Tag] // what tell() asks
      for (const listener of this.#listeners) listener(kind, repository, tag)
      return null
    })
  }

  listen(listener: Listener): void {
    this.#listeners.push(listener)
  }

  /** Resolves when every other process has heard. */
  async tell(kind: TagNewsKind, repository: RepositoryName, tag: Tag): Promise<void> {
    await this.#peers.ask(this.#topic, [kind, repository, tag])
  }
}

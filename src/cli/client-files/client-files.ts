// What a client needs to pull through this gateway: files with their places, and what is left to do by hand.

/** A file as the client reads it. */
export interface ClientFile {
  readonly path: string
  readonly content: string
}

export interface ClientFiles {
  readonly files: readonly ClientFile[]
  /** Files of the gateway's machine that the client's needs, too: the local CA. */
  readonly copies: readonly { readonly from: string; readonly to: string }[]
  /** What else to do, and what to know; one sentence each. */
  readonly notes: readonly string[]
}

/** Where clients reach this gateway, and whose images they can pull through it. */
export interface MirrorEndpoint {
  /** `https://mirror.lan:5443`. */
  readonly origin: URL
  /** The CA that signs its certificate; undefined where clients trust that anyway. */
  readonly caFile: string | undefined
  /** Not empty. */
  readonly mirrors: readonly MirroredRegistry[]
}

export interface MirroredRegistry {
  /** What clients call the registry: `docker.io`. */
  readonly namespace: string
  /** Its own address, where clients go when this gateway can not help. */
  readonly server: string
  /** Where the gateway stands for it alone; undefined: nowhere. */
  readonly ownOrigin: URL | undefined
}

/** The place of the CA among a client's files; nothing where none is needed. */
export function caCopy({ caFile }: MirrorEndpoint, to: string): ClientFiles['copies'] {
  return caFile === undefined ? [] : [{ from: caFile, to }]
}

/** A text as TOML, YAML and JSON write it. */
export const quoted = (text: string): string => JSON.stringify(text)

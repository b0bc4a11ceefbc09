// An existing registry behind this one, as a Registry: what is parsed or cached here goes through it, streams are forwarded.
import { RegistryError, type ErrorCode } from '../../oci/error.ts'
import { parseManifest } from '../../oci/manifest.ts'
import { algorithmOf, type Digest } from '../../oci/digest.ts'
import { isDigest, type Reference, type Tag } from '../../oci/reference.ts'
import { compareRepositoryNames, type RepositoryName } from '../../oci/repository-name.ts'
import type { UpstreamClient } from '../../upstream/client.ts'
import { pageOfDescriptors } from '../referrers-page.ts'
import { translated } from '../upstream-failure.ts'
import { canonicalName, upstreamName, type NameRewrite } from '../upstream-name.ts'
import type {
  ManifestAnswer,
  OpenBlob,
  Page,
  PageRequest,
  PushedManifest,
  PutManifestResult,
  ReferrersAnswer,
  ReferrersRequest,
  Registry,
  RequestContext,
} from '../registry.ts'

export interface ExternalRegistryOptions {
  readonly client: UpstreamClient
  /** Where the core calls its repositories otherwise. */
  readonly rewrite?: NameRewrite | undefined
}

/** A core may list this many pages of names that have none here before its listing is cut short. */
const MAX_EMPTY_PAGES = 20

/** Speaks to the core with its own credentials; those of clients never go there. Uploads are the forwarder's. */
export class ExternalRegistry implements Registry {
  readonly uploads = undefined
  readonly #client: UpstreamClient
  readonly #rewrite: NameRewrite | undefined

  constructor({ client, rewrite }: ExternalRegistryOptions) {
    this.#client = client
    this.#rewrite = rewrite
  }

  async getManifest(
    repository: RepositoryName,
    reference: Reference,
    { signal }: RequestContext,
  ): Promise<ManifestAnswer> {
    return fromCore('MANIFEST_UNKNOWN', async () => {
      const { digest, mediaType, bytes } = await this.#client.getManifest(
        this.#nameOf(repository),
        reference,
        { signal },
      )
      return { manifest: { digest, mediaType, bytes }, cache: 'none' }
    })
  }

  /** Not ended by a client that hangs up: the core may have taken the manifest, and whoever caches must then know. */
  async putManifest(
    repository: RepositoryName,
    reference: Reference,
    { mediaType, bytes, tags = [] }: PushedManifest,
  ): Promise<PutManifestResult> {
    const manifest = { mediaType: parseManifest(bytes, mediaType).mediaType, bytes }
    // A core of today knows no tag parameters, and finds a sha256 digest for whatever is pushed by a tag.
    if (tags.length > 0 && isDigest(reference) && algorithmOf(reference) !== 'sha256')
      throw new RegistryError('UNSUPPORTED', 'the registry behind this one can tag sha256 manifests alone')
    return fromCore('NAME_UNKNOWN', async () => {
      const name = this.#nameOf(repository)
      const { digest, subject } = await this.#client.putManifest(name, reference, manifest)
      for (const tag of tags) await this.#client.putManifest(name, tag, manifest)
      return subject === undefined ? { digest } : { digest, subject }
    })
  }

  deleteManifest(repository: RepositoryName, reference: Reference): Promise<void> {
    return fromCore('MANIFEST_UNKNOWN', () =>
      this.#client.deleteManifest(this.#nameOf(repository), reference),
    )
  }

  statBlob(
    repository: RepositoryName,
    digest: Digest,
    { signal }: Pick<RequestContext, 'signal'>,
  ): Promise<{ size: number; cache: 'none' }> {
    return fromCore('BLOB_UNKNOWN', async () => {
      const { size } = await this.#client.statBlob(this.#nameOf(repository), digest, { signal })
      return { size, cache: 'none' }
    })
  }

  async openBlob(repository: RepositoryName, digest: Digest, { signal }: RequestContext): Promise<OpenBlob> {
    const { size } = await this.statBlob(repository, digest, { signal })
    return {
      size,
      cache: 'none',
      read: (range) =>
        fromCore('BLOB_UNKNOWN', async () => {
          const opened = await this.#client.openBlob(this.#nameOf(repository), digest, {
            signal,
            ...(range ? { range } : {}),
          })
          return opened.body
        }),
      release: () => undefined,
    }
  }

  deleteBlob(repository: RepositoryName, digest: Digest): Promise<void> {
    return fromCore('BLOB_UNKNOWN', () => this.#client.deleteBlob(this.#nameOf(repository), digest))
  }

  listTags(repository: RepositoryName, page: PageRequest, { signal }: RequestContext): Promise<Page<Tag>> {
    return fromCore('NAME_UNKNOWN', () => this.#client.listTags(this.#nameOf(repository), page, { signal }))
  }

  async listRepositories(page: PageRequest, { signal }: RequestContext): Promise<Page<RepositoryName>> {
    let last = page.last === undefined ? undefined : this.#lastOf(page.last)
    for (let empty = 0; ; empty++) {
      const request = { limit: page.limit, ...(last === undefined ? {} : { last }) }
      const found = await fromCore('UNSUPPORTED', () => this.#client.listRepositories(request, { signal }))
      const items = found.items.flatMap((name) => canonicalName(name, this.#rewrite) ?? [])
      const behind = items.filter(
        (name) => page.last === undefined || compareRepositoryNames(name, page.last) > 0,
      )
      last = found.items.at(-1)
      const isLast = !found.more || last === undefined || empty === MAX_EMPTY_PAGES
      if (behind.length > 0 || isLast) return { items: behind, more: !isLast }
    }
  }

  listReferrers(
    repository: RepositoryName,
    subject: Digest,
    request: ReferrersRequest,
    { signal }: RequestContext,
  ): Promise<ReferrersAnswer> {
    return fromCore('NAME_UNKNOWN', async () =>
      pageOfDescriptors(
        await this.#client.listReferrers(this.#nameOf(repository), subject, { signal }),
        request,
      ),
    )
  }

  close(): Promise<void> {
    return this.#client.close()
  }

  #nameOf(repository: RepositoryName): RepositoryName {
    return upstreamName(repository, this.#rewrite)
  }

  /** Where the core's listing goes on; from its beginning behind a name that it can not have. */
  #lastOf(last: string): string | undefined {
    if (this.#rewrite === undefined) return last
    return last.startsWith(this.#rewrite.from)
      ? this.#rewrite.to + last.slice(this.#rewrite.from.length)
      : undefined
  }
}

function fromCore<Result>(notFound: ErrorCode, work: () => Promise<Result>): Promise<Result> {
  return translated({ notFound, unauthorized: 'UNAVAILABLE' }, work)
}

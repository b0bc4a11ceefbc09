// A mirror that shows what it keeps to those alone whom its upstream would show it.
import type { Reference } from '../../oci/reference.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import { DelegatingRegistry, type AnswerOf, type ArgumentsOf } from '../delegating.ts'
import type { ManifestAnswer, Page, PageRequest, Registry, RequestContext } from '../registry.ts'
import { translated } from '../upstream-failure.ts'
import type { Admission, Subject } from './admission.ts'

export class AdmittedRegistry extends DelegatingRegistry {
  readonly #admission: Admission

  constructor(inner: Registry, admission: Admission) {
    super(inner)
    this.#admission = admission
  }

  peekManifest(
    repository: RepositoryName,
    reference: Reference,
    context: RequestContext,
  ): ManifestAnswer | undefined {
    if (!this.#admission.isAdmitted(repository, context)) return undefined
    return this.#admission.run(context, () => this.inner.peekManifest?.(repository, reference, context))
  }

  override getManifest(...args: ArgumentsOf<'getManifest'>): AnswerOf<'getManifest'> {
    const [repository, manifest, context] = args
    return this.#admitted(repository, { manifest }, context, () => super.getManifest(...args))
  }

  override statBlob(...args: ArgumentsOf<'statBlob'>): AnswerOf<'statBlob'> {
    const [repository, blob, context] = args
    return this.#admitted(repository, { blob }, context, () => super.statBlob(...args))
  }

  override openBlob(...args: ArgumentsOf<'openBlob'>): AnswerOf<'openBlob'> {
    const [repository, blob, context] = args
    return this.#admitted(repository, { blob }, context, async () => {
      const opened = await super.openBlob(...args)
      // What was evicted meanwhile is asked for again.
      return { ...opened, read: (range) => this.#admission.run(context, () => opened.read(range)) }
    })
  }

  override listTags(...args: ArgumentsOf<'listTags'>): AnswerOf<'listTags'> {
    return this.#admitted(args[0], { tags: true }, args[2], () => super.listTags(...args))
  }

  /** A page is filled up, so that what is left out does not end the list. */
  override async listRepositories(
    { limit, last }: PageRequest,
    context: RequestContext,
  ): Promise<Page<RepositoryName>> {
    const items: RepositoryName[] = []
    for (let behind = last; ;) {
      const asked = { limit, ...(behind === undefined ? {} : { last: behind }) }
      const page = await super.listRepositories(asked, context)
      for (const name of page.items) {
        if (!(await this.#admission.isListed(name))) continue
        if (items.length === limit) return { items, more: true }
        items.push(name)
      }
      behind = page.items.at(-1)
      if (!page.more || behind === undefined) return { items, more: false }
    }
  }

  override listReferrers(...args: ArgumentsOf<'listReferrers'>): AnswerOf<'listReferrers'> {
    const [repository, manifest, , context] = args
    return this.#admitted(repository, { manifest }, context, () => super.listReferrers(...args))
  }

  #admitted<Answer>(
    repository: RepositoryName,
    subject: Subject,
    context: RequestContext,
    work: () => Promise<Answer>,
  ): Promise<Answer> {
    const run = () => this.#admission.run(context, work)
    const asked = this.#admission.admit(repository, subject, context)
    if (asked === undefined) return run()
    const failures = { notFound: 'NAME_UNKNOWN', unauthorized: 'DENIED', unavailable: 503 } as const
    return translated(failures, () => asked).then(run)
  }
}

// A route to an external core: what is asked of it through its API, and what passes through to it.
import type { ProxyRoute } from '../config/route-config.ts'
import { ExternalRegistry } from '../core/external/external-registry.ts'
import { HttpForwarder } from '../core/external/http-forwarder.ts'
import type { Upstreams } from './build-upstreams.ts'

/** What is opened is closed with `stack`. */
export async function buildExternal(
  { rewrite, upstream }: ProxyRoute,
  upstreams: Upstreams,
  stack: AsyncDisposableStack,
): Promise<{ readonly url: URL; readonly registry: ExternalRegistry; readonly forwarder: HttpForwarder }> {
  const { client, login } = await upstreams.access(upstream)
  const options = await upstreams.options(upstream)
  const forwarder = new HttpForwarder({ ...options, login, rewrite })
  stack.defer(() => forwarder.close())
  return { url: new URL(options.url), registry: new ExternalRegistry({ client, rewrite }), forwarder }
}

// BuildKit on its own (buildkitd, and buildx with a container): puts a mirror's path behind /v2/, and sends `ns`, too.
import { caCopy, quoted, type ClientFiles, type MirrorEndpoint } from './client-files.ts'

const CA = '/etc/buildkit/dockgate-ca.crt'

export function buildkitFiles(endpoint: MirrorEndpoint): ClientFiles {
  const { origin, caFile, mirrors } = endpoint
  const blocks = mirrors.map(
    ({ namespace }) =>
      `[registry.${quoted(namespace)}]\n  mirrors = [${quoted(`${origin.host}/${namespace}`)}]\n`,
  )
  const trust = [
    ...(origin.protocol === 'http:' ? ['  http = true\n'] : []),
    ...(caFile === undefined ? [] : [`  ca = [${quoted(CA)}]\n`]),
  ]
  if (trust.length > 0) blocks.push(`[registry.${quoted(origin.host)}]\n${trust.join('')}`)
  return {
    files: [{ path: '/etc/buildkit/buildkitd.toml', content: blocks.join('\n') }],
    copies: caCopy(endpoint, CA),
    notes: [
      'Then restart buildkitd; or make a builder of it: docker buildx create --buildkitd-config buildkitd.toml.',
    ],
  }
}

// podman, buildah, skopeo and CRI-O: one drop-in for registries.conf; a mirror's location takes the place of the registry's.
import { caCopy, quoted, type ClientFiles, type MirrorEndpoint } from './client-files.ts'

const PATH = '/etc/containers/registries.conf.d/010-dockgate.conf'

export function podmanFiles(endpoint: MirrorEndpoint): ClientFiles {
  return containersFiles(endpoint, 'podman, buildah and skopeo read it at every start.')
}

export function crioFiles(endpoint: MirrorEndpoint): ClientFiles {
  return containersFiles(endpoint, 'On every node; then: systemctl reload crio.')
}

function containersFiles(endpoint: MirrorEndpoint, note: string): ClientFiles {
  const { origin, mirrors } = endpoint
  const insecure = origin.protocol === 'http:' ? ['insecure = true'] : []
  const blocks = mirrors.map(({ namespace }) =>
    [
      '[[registry]]',
      `prefix = ${quoted(namespace)}`,
      `location = ${quoted(namespace)}`,
      '',
      '[[registry.mirror]]',
      `location = ${quoted(`${origin.host}/${namespace}`)}`,
      ...insecure,
      '',
    ].join('\n'),
  )
  return {
    files: [{ path: PATH, content: blocks.join('\n') }],
    copies: caCopy(endpoint, `/etc/containers/certs.d/${origin.host}/ca.crt`),
    notes: [note],
  }
}

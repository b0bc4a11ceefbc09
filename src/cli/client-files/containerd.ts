// containerd: a hosts.toml for each registry, and `?ns=` in every request.
import {
  caCopy,
  quoted,
  type ClientFiles,
  type MirrorEndpoint,
  type MirroredRegistry,
} from './client-files.ts'

const FOLDER = '/etc/containerd/certs.d'
const CA = '/etc/containerd/dockgate-ca.crt'

export function containerdFiles(endpoint: MirrorEndpoint): ClientFiles {
  return {
    files: endpoint.mirrors.map((mirror) => ({
      path: `${FOLDER}/${mirror.namespace}/hosts.toml`,
      content: hostsToml(mirror, endpoint),
    })),
    copies: caCopy(endpoint, CA),
    notes: [
      `containerd reads them where its config.toml has config_path = ${quoted(FOLDER)}, below` +
        ' [plugins."io.containerd.cri.v1.images".registry], or [plugins."io.containerd.grpc.v1.cri".registry]' +
        ' before version 2; ctr by --hosts-dir.',
      'A changed hosts.toml needs no restart.',
    ],
  }
}

function hostsToml({ server }: MirroredRegistry, { origin, caFile }: MirrorEndpoint): string {
  return [
    `server = ${quoted(server)}`,
    '',
    `[host.${quoted(origin.origin)}]`,
    '  capabilities = ["pull", "resolve"]',
    ...(caFile === undefined ? [] : [`  ca = ${quoted(CA)}`]),
    '',
  ].join('\n')
}

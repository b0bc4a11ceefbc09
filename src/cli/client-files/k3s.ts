// k3s: one registries.yaml, from which it writes containerd's files.
import { caCopy, quoted, type ClientFiles, type MirrorEndpoint } from './client-files.ts'

const CA = '/etc/rancher/k3s/dockgate-ca.crt'

export function k3sFiles(endpoint: MirrorEndpoint): ClientFiles {
  const { origin, caFile, mirrors } = endpoint
  const lines = [
    'mirrors:',
    ...mirrors.flatMap(({ namespace }) => [
      `  ${quoted(namespace)}:`,
      '    endpoint:',
      `      - ${quoted(origin.origin)}`,
    ]),
    ...(caFile === undefined
      ? []
      : ['configs:', `  ${quoted(origin.host)}:`, '    tls:', `      ca_file: ${quoted(CA)}`]),
    '',
  ]
  return {
    files: [{ path: '/etc/rancher/k3s/registries.yaml', content: lines.join('\n') }],
    copies: caCopy(endpoint, CA),
    notes: ['On every node; then: systemctl restart k3s, on agents: systemctl restart k3s-agent.'],
  }
}

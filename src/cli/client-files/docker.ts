// dockerd: mirrors Docker Hub alone, and never says for whom it asks.
import { caCopy, type ClientFiles, type MirrorEndpoint } from './client-files.ts'

export const DOCKER_HUB = 'docker.io'

/** Throws where Docker Hub is not mirrored, or no host stands for it: older engines refuse mirrors with a path. */
export function dockerFiles(endpoint: MirrorEndpoint): ClientFiles {
  const { mirrors } = endpoint
  const hub = mirrors.find(({ namespace }) => namespace === DOCKER_HUB)
  if (hub === undefined)
    throw new Error(
      `dockerd asks mirrors for Docker Hub alone, and no mirrored upstream has the namespace ${DOCKER_HUB}`,
    )
  const origin = hub.ownOrigin
  if (origin === undefined)
    throw new Error(
      `dockerd never says whose images it asks for: give one of the hosts the defaultNamespace ${DOCKER_HUB}`,
    )
  const settings = {
    'registry-mirrors': [origin.origin],
    ...(origin.protocol === 'http:' ? { 'insecure-registries': [origin.host] } : {}),
  }
  const others = mirrors.filter((each) => each !== hub)
  return {
    files: [{ path: '/etc/docker/daemon.json', content: `${JSON.stringify(settings, null, 2)}\n` }],
    copies: caCopy(endpoint, `/etc/docker/certs.d/${origin.host}/ca.crt`),
    notes: [
      'Settings that are in daemon.json already stay there; then: systemctl reload docker.',
      ...others.map(
        ({ namespace }) => `${namespace} has no mirrors in dockerd: pull ${origin.host}/${namespace}/….`,
      ),
      'dockerd sends its login for Docker Hub to mirrors: hosts.NAME.lenient keeps the gateway from refusing it.',
    ],
  }
}

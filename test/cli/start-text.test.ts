import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loginLines, startLines } from '../../src/cli/start-text.ts'
import { loadConfig } from '../../src/config/load.ts'
import { load, MINIMAL } from '../config/config-folder.ts'

test('the first run says how to log in, how to trust the CA and what is mirrored', async () => {
  const config = await loadConfig(undefined, {}, { cwd: '/srv/dockgate' })
  assert.deepEqual(loginLines({ name: 'admin', password: 'sesame' }, '/srv/dockgate/config/htpasswd'), [
    'First run: made the account "admin" in /srv/dockgate/config/htpasswd. Its password is shown only now:',
    '  sesame',
  ])
  assert.deepEqual(startLines(config, ['https://localhost:5443', 'http://127.0.0.1:9090']), [
    'dockgate listens on https://localhost:5443; health and metrics on http://127.0.0.1:9090',
    'Log in:    docker login localhost:5443 -u admin',
    'Trust:     clients need the local CA, /srv/dockgate/certs/ca.crt, as',
    '  docker      /etc/docker/certs.d/localhost:5443/ca.crt',
    '  podman      /etc/containers/certs.d/localhost:5443/ca.crt',
    '  containerd  /etc/containerd/certs.d/localhost:5443/hosts.toml with: ca = "/srv/dockgate/certs/ca.crt"',
    'Mirrored:  docker.io/** from https://registry-1.docker.io (docker pull localhost:5443/docker.io/library/alpine)',
  ])
})

test('a configuration of its own is told by its public name, and nothing that does not apply', async (t) => {
  const { config } = await load(
    t,
    `publicUrl: https://registry.example.com\nlisten: [{ address: "127.0.0.1:8080" }]\n${MINIMAL}`,
  )
  assert.deepEqual(startLines(config, ['http://127.0.0.1:8080', 'http://127.0.0.1:9090']), [
    'dockgate listens on http://127.0.0.1:8080; health and metrics on http://127.0.0.1:9090',
  ])
  const limits = { realm: undefined, hosts: undefined, repositories: undefined }
  const withLogin = {
    ...config,
    auth: { ...config.auth, htpasswd: [{ ...limits, file: '/h', upgrade: false, backend: 'htpasswd' }] },
  }
  assert.equal(
    startLines(withLogin, ['http://127.0.0.1:8080', 'x'])[1],
    'Log in:    docker login registry.example.com',
  )
})

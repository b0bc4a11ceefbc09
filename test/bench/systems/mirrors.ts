// Pull-through caches before one upstream: a plain registry:2 that anybody may pull from.
import { writeHtpasswd } from '../../support/htpasswd.ts'
import { temporaryFolder } from '../../support/scope.ts'
import { ACCOUNT, type System } from '../system.ts'
import { BARE_RELAY, startBareRelay } from './bare-relay.ts'
import { startRegistry } from './docker-registry.ts'
import { startDockgate } from './dockgate.ts'
import { nginxListener, startPinnedNginx } from './nginx-registry.ts'

export const DOCKGATE_MIRROR = 'dockgate, mirror'
export const REGISTRY_MIRROR = 'docker-registry, proxy'

const NAMESPACE = 'upstream.test'

/** `upstream` is its origin. */
export function dockgateMirror(upstream: string): System {
  return {
    name: DOCKGATE_MIRROR,
    async start(t, options) {
      const root = await temporaryFolder(t)
      const sections = {
        // Clients then use the same names with all of them.
        hosts: { '127.0.0.1': { defaultNamespace: NAMESPACE } },
        access: [{ repositories: [`${NAMESPACE}/**`], pull: ['$authenticated'] }],
        upstreams: { upstream: { url: upstream, namespace: NAMESPACE } },
        repositories: { [`${NAMESPACE}/**`]: { mirror: 'upstream', store: 'mirror', tagTtl: '1d' } },
        stores: { mirror: { filesystem: { root } } },
      }
      return startDockgate(t, { ...options, name: this.name, sections })
    },
  }
}

/** Without a login, which would cost it one bcrypt for each request. */
export function registryMirror(upstream: string): System {
  return {
    name: REGISTRY_MIRROR,
    async start(t, { tls }) {
      const root = await temporaryFolder(t)
      return { ...(await startRegistry(t, { root, tls, proxyRemoteUrl: upstream })), name: this.name }
    },
  }
}

/** With an apr1 password file; one request at a time fills what many wait for. */
export function nginxMirror(upstream: string): System {
  return {
    name: 'nginx, proxy_cache_lock',
    async start(t, options) {
      const htpasswd = await writeHtpasswd(t, { [ACCOUNT.username]: ACCOUNT.password }, 'apr1')
      const core = new URL(upstream).host
      const { port, pid } = await startPinnedNginx(
        t,
        (free) => `
  sendfile on;
  tcp_nopush on;
  proxy_cache_path cache levels=1:2 keys_zone=mirror:10m max_size=50g inactive=1d use_temp_path=off;
  upstream core { server ${core}; keepalive 32; }
  server {
    ${nginxListener(free, options)}
    auth_basic "registry";
    auth_basic_user_file ${htpasswd};
    location /v2/ {
      proxy_pass http://core;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_set_header Authorization "";
      proxy_cache mirror;
      proxy_cache_key "$uri $http_accept";
      proxy_cache_valid 200 1d;
      proxy_cache_lock on;
      proxy_cache_lock_timeout 10m;
      proxy_cache_lock_age 10m;
    }
  }`,
      )
      return { name: this.name, url: `https://127.0.0.1:${port}`, pids: [pid] }
    },
  }
}

/** Keeps nothing. */
export function bareRelay(upstream: string): System {
  return { name: BARE_RELAY, start: (t, { tls }) => startBareRelay(t, { tls, core: upstream }) }
}

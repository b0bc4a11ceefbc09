// The classic front: nginx with TLS and an apr1 password file before registry:2, manifests in its proxy_cache.
import { writeHtpasswd } from '../../support/htpasswd.ts'
import { startNginx } from '../../support/nginx.ts'
import { SERVER_CORE } from '../pinned.ts'
import { ACCOUNT, type System, type SystemOptions } from '../system.ts'
import { startRegistry } from './docker-registry.ts'

export const nginxRegistry: System = {
  name: 'nginx + docker-registry',
  async start(t, { tls, root }) {
    const registry = await startRegistry(t, { root })
    const htpasswd = await writeHtpasswd(t, { [ACCOUNT.username]: ACCOUNT.password }, 'apr1')
    const core = new URL(registry.url).host
    const { port, pid } = await startNginx(t, {
      main: `worker_processes 1; worker_cpu_affinity ${(1 << SERVER_CORE).toString(2).padStart(2, '0')};`,
      config: (place) => configuration({ tls, htpasswd, core, port: place.port }),
    })
    return { name: this.name, url: `https://127.0.0.1:${port}`, pids: [pid, ...registry.pids] }
  },
}

interface Front extends Pick<SystemOptions, 'tls'> {
  readonly htpasswd: string
  /** Authority of registry:2. */
  readonly core: string
  readonly port: number
}

// No part of a blob goes through nginx's temporary files: it is faster so.
function configuration({ tls, htpasswd, core, port }: Front): string {
  return `
  sendfile on;
  tcp_nopush on;
  proxy_cache_path cache levels=1:2 keys_zone=manifests:10m max_size=1g inactive=1d;
  upstream core { server ${core}; keepalive 32; }
  server {
    listen 127.0.0.1:${port} ssl;
    ssl_certificate ${tls.certificate};
    ssl_certificate_key ${tls.key};
    client_max_body_size 0;
    chunked_transfer_encoding on;
    auth_basic "registry";
    auth_basic_user_file ${htpasswd};
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host $http_host;
    proxy_set_header X-Real-IP $remote_addr;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_set_header Authorization "";
    proxy_read_timeout 900;
    proxy_max_temp_file_size 0;
    location /v2/ {
      proxy_pass http://core;
    }
    location ~ ^/v2/.+/manifests/ {
      proxy_pass http://core;
      proxy_cache manifests;
      proxy_cache_key "$uri $http_accept";
      proxy_cache_valid 200 1d;
    }
  }`
}

// The classic front: nginx with TLS and a password file before registry:2, manifests in its proxy_cache.
import { writeHtpasswd, type PasswordHash } from '../../support/htpasswd.ts'
import { startNginx } from '../../support/nginx.ts'
import type { Scope } from '../../support/scope.ts'
import { SERVER_CORE } from '../pinned.ts'
import { ACCOUNT, type RunningSystem, type System, type SystemOptions } from '../system.ts'
import { startRegistry } from './docker-registry.ts'

export const nginxRegistry: System = nginxBeforeRegistry('nginx + docker-registry', accountWith('apr1'))

/** The same with the hashes that people are told to use today: nginx computes one for every request. */
export const nginxBcryptRegistry: System = nginxBeforeRegistry(
  'nginx bcrypt + docker-registry',
  accountWith('bcrypt'),
)

/** `passwords` answers the path of its password file. */
export function nginxBeforeRegistry(name: string, passwords: (t: Scope) => Promise<string>): System {
  return {
    name,
    async start(t, { root, ...options }) {
      const core = await startRegistry(t, { root })
      const htpasswd = await passwords(t)
      const front = await startNginxFront(t, { ...options, htpasswd, core: new URL(core.url).host })
      return { ...front, name, pids: [...front.pids, ...core.pids] }
    },
  }
}

function accountWith(hash: PasswordHash) {
  return (t: Scope): Promise<string> => writeHtpasswd(t, { [ACCOUNT.username]: ACCOUNT.password }, hash)
}

export interface NginxFrontOptions extends Pick<SystemOptions, 'tls' | 'isPlain'> {
  readonly htpasswd: string
  /** Authority of registry:2. */
  readonly core: string
}

/** nginx alone. */
export async function startNginxFront(t: Scope, options: NginxFrontOptions): Promise<RunningSystem> {
  const { port, pid } = await startPinnedNginx(t, (free) => configuration({ ...options, port: free }))
  return { name: 'nginx', url: `${options.isPlain ? 'http' : 'https'}://127.0.0.1:${port}`, pids: [pid] }
}

/** nginx with one worker, on the servers' core; `config` is what stands inside of `http { … }`. */
export function startPinnedNginx(t: Scope, config: (port: number) => string) {
  return startNginx(t, {
    main: `worker_processes 1; worker_cpu_affinity ${(1 << SERVER_CORE).toString(2).padStart(2, '0')};`,
    config: (place) => config(place.port),
    connections: 12_000,
  })
}

/** The directives of a server that listens on `port`. */
export function nginxListener(
  port: number,
  { tls, isPlain }: Pick<SystemOptions, 'tls' | 'isPlain'>,
): string {
  if (isPlain) return `listen 127.0.0.1:${port};`
  return `listen 127.0.0.1:${port} ssl;
    ssl_certificate ${tls.certificate};
    ssl_certificate_key ${tls.key};`
}

// No part of a blob goes through nginx's temporary files: it is faster so.
function configuration({ htpasswd, core, port, ...listener }: NginxFrontOptions & { port: number }): string {
  return `
  sendfile on;
  tcp_nopush on;
  proxy_cache_path cache levels=1:2 keys_zone=manifests:10m max_size=1g inactive=1d;
  upstream core { server ${core}; keepalive 32; }
  server {
    ${nginxListener(port, listener)}
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

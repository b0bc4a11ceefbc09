// The classic arrangement and dockgate side by side: nginx and dockgate before one registry:2, with one password file.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { startDockerRegistry } from '../support/docker-registry.ts'
import { startGateway, type RunningGateway } from '../support/gateway.ts'
import { basic, send, type Answer, type RequestOptions } from '../support/http.ts'
import { startNginx, type NginxPlace } from '../support/nginx.ts'
import { temporaryFolder, type Scope } from '../support/scope.ts'

export interface Both {
  readonly gateway: RunningGateway
  /** The same request to nginx and to dockgate. */
  readonly ask: (path: string, options?: RequestOptions) => Promise<{ nginx: Answer; dockgate: Answer }>
  /** What both answer; rejects where the statuses differ. */
  readonly status: (path: string, options?: RequestOptions) => Promise<number>
  /** The status of `GET /v2/` with a name and a password; rejects where the two differ. */
  readonly login: (name: string, password: string) => Promise<number>
  readonly writePasswords: (text: string) => Promise<void>
}

/** Whoever has a password may do everything; everybody may read `open/**`, and nobody may write there. */
export async function startBoth(t: Scope, passwords: string): Promise<Both> {
  const folder = await temporaryFolder(t)
  const file = join(folder, 'accounts')
  await writeFile(file, passwords)
  const core = await startDockerRegistry(t)
  const nginx = await startNginx(t, { config: (place) => nginxConfig(place, core.url, file) })
  const gateway = await startGateway(t, { folder, config: gatewayConfig(core.url, file) })
  const ask: Both['ask'] = async (path, options = {}) => {
    const [theirs, ours] = await Promise.all([
      send(`http://127.0.0.1:${nginx.port}${path}`, options),
      send(gateway.url + path, { ca: gateway.ca, ...options }),
    ])
    return { nginx: theirs, dockgate: ours }
  }
  const status: Both['status'] = async (path, options) => {
    const answers = await ask(path, options)
    const [theirs, ours] = [answers.nginx.status, answers.dockgate.status]
    if (theirs === ours) return ours
    throw new Error(`${options?.method ?? 'GET'} ${path}: nginx answers ${theirs}, dockgate ${ours}`)
  }
  return {
    gateway,
    ask,
    status,
    login: (name, password) => status('/v2/', { headers: { authorization: basic(name, password) } }),
    writePasswords: (text) => writeFile(file, text),
  }
}

function nginxConfig({ port }: NginxPlace, core: string, passwords: string): string {
  return `
map $upstream_http_docker_distribution_api_version $api_version { '' 'registry/2.0'; }
server {
  listen 127.0.0.1:${port};
  auth_basic_user_file ${passwords};
  add_header Docker-Distribution-Api-Version $api_version always;
  proxy_set_header Host $http_host;
  location /v2/ {
    auth_basic "registry";
    proxy_pass ${core};
  }
  location ~ /tags/list$ {
    auth_basic "registry";
    if ($request_method = POST) { return 405; }
    proxy_pass ${core};
  }
  location /v2/open/ {
    limit_except GET { deny all; }
    proxy_pass ${core};
  }
}`
}

function gatewayConfig(core: string, passwords: string): Record<string, unknown> {
  return {
    auth: { htpasswd: { file: passwords }, token: 'off' },
    access: [
      {
        repositories: ['team/**'],
        pull: ['$authenticated'],
        push: ['$authenticated'],
        delete: ['$authenticated'],
      },
      { repositories: ['open/**'], pull: ['$anonymous'] },
    ],
    upstreams: { core: { url: core } },
    repositories: { '**': { proxy: 'core' } },
    stores: {},
  }
}

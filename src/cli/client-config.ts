// `dockgate client-config`: prints the files with which a client pulls through this gateway.
import { Argument, InvalidArgumentError, type Command } from 'commander'
import { loadConfig } from '../config/load.ts'
import { buildkitFiles } from './client-files/buildkit.ts'
import type { ClientFiles, MirrorEndpoint } from './client-files/client-files.ts'
import { containerdFiles } from './client-files/containerd.ts'
import { crioFiles, podmanFiles } from './client-files/containers.ts'
import { dockerFiles } from './client-files/docker.ts'
import { k3sFiles } from './client-files/k3s.ts'
import { mirrorEndpoint } from './client-files/mirror-endpoint.ts'
import { nearby } from './nearby.ts'
import { print } from './output.ts'

const EXAMPLES = `
Examples:
  dockgate client-config containerd --config config/dockgate.yml
  dockgate client-config docker --url https://mirror.lan:5443
  dockgate client-config podman --json       { "url", "files": [{ "path", "content" }], "copies": [{ "from", "to" }], "notes" }

Where clients reach the gateway is publicUrl, else a host of the configuration with the port of its first listener. With a
certificate of the local CA, the CA is among the copies; --ca names another one.`

const CLIENTS: Readonly<Record<string, (endpoint: MirrorEndpoint) => ClientFiles>> = {
  docker: dockerFiles,
  containerd: containerdFiles,
  k3s: k3sFiles,
  podman: podmanFiles,
  crio: crioFiles,
  buildkit: buildkitFiles,
}

interface ClientConfigOptions {
  readonly config?: string
  readonly url?: URL
  readonly ca?: string
  readonly json?: true
}

export function addClientConfigCommand(program: Command): void {
  program
    .command('client-config')
    .description('print the files with which a client pulls through this gateway')
    .addArgument(
      new Argument('<client>', 'podman is for buildah and skopeo, too').choices(Object.keys(CLIENTS)),
    )
    .option('-c, --config <file>', 'the configuration; without one, the built-in defaults')
    .option('--url <url>', 'where clients reach the gateway, such as https://mirror.lan:5443', parseOrigin)
    .option('--ca <file>', 'PEM file of the CA that signs its certificate')
    .option('--json', 'print the files as JSON')
    .addHelpText('after', EXAMPLES)
    .action(printFiles)
}

async function printFiles(
  client: string,
  { config: file, url, ca, json }: ClientConfigOptions,
): Promise<void> {
  const filesOf = CLIENTS[client]
  if (!filesOf) throw new Error(`there is no client ${client}`)
  const config = await loadConfig(file, process.env)
  const endpoint = mirrorEndpoint(config, { ...(url ? { url: url.origin } : {}), ...(ca ? { ca } : {}) })
  const files = filesOf(endpoint)
  print(json ? JSON.stringify({ url: endpoint.origin.origin, ...files }, null, 2) : explain(files))
}

function explain({ files, copies, notes }: ClientFiles): string {
  return [
    ...files.map(({ path, content }) => `# ${path}\n${content}`),
    ...copies.map(({ from, to }) => `# Copy ${nearby(from)} of the gateway's machine to ${to}`),
    ...notes.map((note) => `# ${note}`),
  ].join('\n')
}

function parseOrigin(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isOrigin = url?.pathname === '/' && url.search === '' && url.hash === '' && url.username === ''
  if (url === undefined || !isOrigin || !/^https?:$/.test(url.protocol))
    throw new InvalidArgumentError('It must be an origin such as https://mirror.lan:5443.')
  return url
}

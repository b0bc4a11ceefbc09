// dockgate under a name, as the clients see it, and what its log says that they asked.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { startGateway, type LogLine, type RunningGateway } from '../../support/gateway.ts'
import { send } from '../../support/http.ts'
import { imageOf, multiArch, type Image, type Index } from '../../support/images.ts'
import { writeLayout } from '../../support/oci-layout.ts'
import { temporaryFolder, type Scope } from '../../support/scope.ts'
import { copyImage, skopeoFor } from '../../support/skopeo.ts'
import { until } from '../../support/until.ts'
import { HOSTS, requireWorld, type HostName } from './world.ts'

/** Where dockerd, podman, buildah and skopeo look for the CA of a registry. */
const CERTIFICATES = '/etc/docker/certs.d'

export const PASSWORDS = { alice: 'alice-secret', bob: 'bob-secret', carol: 'carol-secret' } as const

/** alice pushes and deletes everywhere, bob and carol pull `team/**`, everybody the rest of what is named here. */
const ACCESS = [
  { repositories: ['public/**', 'docker.io/**'], pull: ['$anonymous'] },
  { repositories: ['team/**'], pull: ['bob', 'carol'] },
  { repositories: ['**'], push: ['alice'], delete: ['alice'] },
]

export interface ClientRegistry {
  /** `registry.test`, as image references begin. */
  readonly name: HostName
  readonly gateway: RunningGateway
}

/**
 * Starts dockgate on port 443 of `name`; the clients trust its local CA.
 * `sections` are those of the configuration that differ, and what `auth` holds besides the password file.
 */
export async function startRegistry(
  t: Scope,
  name: HostName,
  { auth = {}, ...sections }: Readonly<Record<string, object>> = {},
): Promise<ClientRegistry> {
  await requireWorld()
  const gateway = await startGateway(t, {
    users: PASSWORDS,
    config: {
      listen: [{ address: `${HOSTS[name]}:443`, tls: 'auto' }],
      publicUrl: `https://${name}`,
      auth: { htpasswd: { file: 'htpasswd' }, ...auth },
      access: ACCESS,
      ...sections,
    },
  })
  await mkdir(join(CERTIFICATES, name), { recursive: true })
  await writeFile(join(CERTIFICATES, name, 'ca.crt'), gateway.ca)
  return { name, gateway }
}

/** The two that every client is tried against, and what lies there. */
export interface FilledRegistries {
  /** With Bearer tokens. */
  readonly registry: ClientRegistry
  /** With Basic, where there is no token service. */
  readonly basic: ClientRegistry
  /** `public/app:1.0` of both. */
  readonly app: Image
  /** `team/secret:1.0` of both. */
  readonly secret: Image
  /** `public/several:1.0` of the one with tokens. */
  readonly several: Index
}

export async function startFilledRegistries(t: Scope): Promise<FilledRegistries> {
  const registry = await startRegistry(t, 'registry.test')
  const basic = await startRegistry(t, 'basic.test', { auth: { token: 'off' } })
  const [app, secret] = [imageOf({ seed: 'app' }), imageOf({ seed: 'secret' })]
  const several = multiArch({ seed: 'several' })
  const both = { 'public/app:1.0': app, 'team/secret:1.0': secret }
  await fill(t, registry, { ...both, 'public/several:1.0': several })
  await fill(t, basic, both)
  return { registry, basic, app, secret, several }
}

/** Puts images there as alice: `{ 'public/app:1.0': imageOf() }`. */
export async function fill(
  t: Scope,
  registry: ClientRegistry,
  images: Readonly<Record<string, Image | Index>>,
): Promise<void> {
  const skopeo = await skopeoFor(t)
  const { caFolder } = registry.gateway
  for (const [reference, item] of Object.entries(images)) {
    const folder = await temporaryFolder(t)
    await writeLayout(folder, { it: item })
    const there = `docker://${registry.name}/${reference}`
    const credentials = `alice:${PASSWORDS.alice}`
    await copyImage(skopeo, { image: `oci:${folder}:it` }, { image: there, credentials, caFolder })
  }
}

/**
 * What was asked while `act` ran, one line each: `POST /token 200 alice`, `GET /v2/ 401 -`.
 * The id of an upload session is `ID`.
 */
export async function asked(registry: ClientRegistry, act: () => Promise<unknown>): Promise<string[]> {
  const from = await mark(registry)
  await act()
  const to = await mark(registry)
  const lines = registry.gateway.log().filter(({ msg }) => msg === 'request')
  return lines.slice(positionOf(lines, from) + 1, positionOf(lines, to)).map(told)
}

/** Fails with the whole list when one of `lines` was not asked. */
export function assertAsked(requests: readonly string[], ...lines: readonly string[]): void {
  const missing = lines.filter((line) => !requests.includes(line))
  assert.deepEqual(missing, [], `not asked; what was asked:\n${requests.join('\n')}`)
}

/** Fails with the whole list when something like `pattern` was asked. */
export function assertNotAsked(requests: readonly string[], pattern: RegExp): void {
  assert.deepEqual(
    requests.filter((line) => pattern.test(line)),
    [],
    `asked; all of it:\n${requests.join('\n')}`,
  )
}

/** A request of our own that is found again in the log: what came before it has been written, too. */
async function mark({ name, gateway }: ClientRegistry): Promise<string> {
  const userAgent = randomUUID()
  await send(`https://${name}/v2/`, { ca: gateway.ca, headers: { 'User-Agent': userAgent } })
  await until('the mark is in the log', () => gateway.log().some((line) => line['userAgent'] === userAgent))
  return userAgent
}

function positionOf(lines: readonly LogLine[], userAgent: string): number {
  return lines.findIndex((line) => line['userAgent'] === userAgent)
}

function told({ method, path, status, user = '-' }: LogLine): string {
  const place = String(path).replace(/(?<=\/blobs\/uploads\/).+/, 'ID')
  return `${String(method)} ${place} ${String(status)} ${String(user)}`
}

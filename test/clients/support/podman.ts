// podman and buildah with images and logins of their own, kept from the machine's mirrors and short names.
import { mkdtemp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { temporaryFolder, type Scope } from '../../support/scope.ts'
import { clientOf, type Client } from './client-command.ts'
import { requireWorld } from './world.ts'

export interface Podman {
  readonly podman: Client
  /** Works on the same images with the same logins. */
  readonly buildah: Client
}

/** They last as long as `t`. `registries` is their `registries.conf`. */
export async function podmanFor(t: Scope, registries = ''): Promise<Podman> {
  await requireWorld()
  const folder = await temporaryFolder(t)
  // podman refuses more than 50 characters. What is in the world's /run goes with the world.
  const runRoot = await mkdtemp('/run/podman-')
  await writeFile(join(folder, 'registries.conf'), registries)
  await writeFile(join(folder, 'auth.json'), '{}')
  const env = {
    HOME: folder,
    XDG_RUNTIME_DIR: folder,
    REGISTRY_AUTH_FILE: join(folder, 'auth.json'),
    CONTAINERS_REGISTRIES_CONF: join(folder, 'registries.conf'),
  }
  // vfs: an overlay would have to be unmounted before the folder can go.
  const storage = [`--root=${folder}/root`, `--runroot=${runRoot}`, '--storage-driver=vfs']
  return {
    podman: clientOf('podman', [...storage, `--tmpdir=${folder}/tmp`, '--cgroup-manager=cgroupfs'], env),
    buildah: clientOf('buildah', storage, env),
  }
}

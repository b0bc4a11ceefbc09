// The real skopeo, kept from the machine's logins, policies and mirrors.
import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { temporaryFolder, type Scope } from './scope.ts'

/** skopeo ended with an error; the message is what it wrote on stderr. */
export class SkopeoError extends Error {
  override readonly name = 'SkopeoError'
}

/** Runs skopeo with logins of its own. Resolves with its standard output; rejects with {@link SkopeoError}. */
export type Skopeo = (...args: readonly string[]) => Promise<string>

/** A skopeo whose logins last as long as `t`: `const skopeo = await skopeoFor(t); await skopeo('list-tags', …)`. */
export async function skopeoFor(t: Scope): Promise<Skopeo> {
  const folder = await temporaryFolder(t)
  const registries = join(folder, 'registries.conf')
  await writeFile(registries, '')
  const env = {
    ...process.env,
    HOME: folder,
    XDG_RUNTIME_DIR: folder,
    REGISTRY_AUTH_FILE: join(folder, 'auth.json'),
    CONTAINERS_REGISTRIES_CONF: registries,
  }
  return async (...args) => {
    try {
      const options = { env, maxBuffer: 64 * 1024 * 1024, timeout: 300_000 }
      const { stdout } = await promisify(execFile)('skopeo', ['--insecure-policy', ...args], options)
      return stdout
    } catch (cause) {
      const stderr = cause instanceof Error && 'stderr' in cause ? String(cause.stderr).trim() : ''
      throw new SkopeoError(`skopeo ${args[0]}: ${stderr || String(cause)}`, { cause })
    }
  }
}

/** One end of a copy: how to trust it, and who asks. */
export interface CopyEnd {
  /** `docker://127.0.0.1:5000/a/b:tag`, `oci:/folder:tag`, `dir:/folder`. */
  readonly image: string
  /** `user:password`. */
  readonly credentials?: string
  /** A folder with the CA to trust; without it TLS is not verified and plain HTTP is tried, too. */
  readonly caFolder?: string
}

/** `skopeo copy`, every platform of an index included. */
export async function copyImage(skopeo: Skopeo, from: CopyEnd, to: CopyEnd): Promise<void> {
  await skopeo('copy', '--all', ...flags('src', from), ...flags('dest', to), from.image, to.image)
}

function flags(side: 'src' | 'dest', { image, credentials, caFolder }: CopyEnd): string[] {
  if (!image.startsWith('docker://')) return []
  return [
    caFolder === undefined ? `--${side}-tls-verify=false` : `--${side}-cert-dir=${caFolder}`,
    ...(credentials === undefined ? [`--${side}-no-creds`] : [`--${side}-creds=${credentials}`]),
  ]
}

// dockgate itself as the suite's target: started from the command line as a user does, on an empty store.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { makeCertificate } from '../support/certificates.ts'
import { writeHtpasswd } from '../support/htpasswd.ts'
import { send } from '../support/http.ts'
import { freePort } from '../support/port.ts'
import { startProcess } from '../support/process.ts'
import { temporaryFolder, type Scope } from '../support/scope.ts'
import type { Target } from './suite.ts'

const MAIN = join(import.meta.dirname, '../../src/cli/main.ts')
const ACCOUNT = { username: 'conformance', password: 'a password: with colons' }

/** Plain HTTP, where everybody may do everything. */
export async function startOpenGateway(t: Scope): Promise<Target> {
  const address = `127.0.0.1:${await freePort()}`
  const everything = { pull: ['$anonymous'], push: ['$anonymous'], delete: ['$anonymous'] }
  const url = `http://${address}`
  await start(t, url, {
    workers: 1,
    listen: [{ address }],
    access: [{ repositories: ['**'], ...everything }],
  })
  return { name: 'without login', url }
}

/** HTTPS, where one account may do everything and nobody else anything. */
export function startGuardedGateway(t: Scope): Promise<Target> {
  return startGuarded(t, 'with login over TLS', 1)
}

/** The same, where two processes serve it. */
export function startWorkersGateway(t: Scope): Promise<Target> {
  return startGuarded(t, 'with login over TLS and two workers', 2)
}

async function startGuarded(t: Scope, name: string, workers: number): Promise<Target> {
  const address = `127.0.0.1:${await freePort()}`
  const { certificate, key, ca } = await makeCertificate(t)
  const file = await writeHtpasswd(t, { [ACCOUNT.username]: ACCOUNT.password })
  const names = [ACCOUNT.username]
  const url = `https://${address}`
  const configuration = {
    listen: [{ address, tls: { certificate, key } }],
    auth: { htpasswd: { file }, token: { service: 'conformance', issuer: 'dockgate' } },
    access: [{ repositories: ['**'], pull: names, push: names, delete: names }],
    workers,
  }
  await start(t, url, configuration, ca)
  return { name, url, account: ACCOUNT, caFile: certificate }
}

async function start(t: Scope, url: string, configuration: object, ca?: string): Promise<void> {
  const folder = await temporaryFolder(t)
  const file = join(folder, 'dockgate.yml')
  const rest = {
    admin: { address: `127.0.0.1:${await freePort()}` },
    repositories: { '**': { store: 'main' } },
    stores: { main: { filesystem: { root: join(folder, 'registry') } } },
  }
  await writeFile(file, JSON.stringify({ ...configuration, ...rest })) // JSON is YAML
  await startProcess(t, process.execPath, {
    args: [MAIN, 'serve', '--config', file],
    cwd: folder,
    ready: () => answers(url, ca),
  })
}

async function answers(url: string, ca: string | undefined): Promise<boolean> {
  try {
    const { status } = await send(`${url}/v2/`, ca === undefined ? {} : { ca })
    return status === 200 || status === 401
  } catch {
    return false
  }
}

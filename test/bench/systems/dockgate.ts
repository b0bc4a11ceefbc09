// dockgate as people run it: `serve` from a file, with login, grants, metrics and a log line per request.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { MAIN } from '../../support/gateway.ts'
import { writeHtpasswd } from '../../support/htpasswd.ts'
import { freePort } from '../../support/port.ts'
import { temporaryFolder } from '../../support/scope.ts'
import { startServer } from '../pinned.ts'
import { ACCOUNT, type System, type SystemOptions } from '../system.ts'

export const dockgate: System = {
  name: 'dockgate',
  async start(t, options) {
    const folder = await temporaryFolder(t)
    const port = await freePort()
    const file = join(folder, 'dockgate.yml')
    const htpasswd = await writeHtpasswd(t, {
      [ACCOUNT.username]: ACCOUNT.password,
      bob: 'other',
      ci: 'third',
    })
    await writeFile(file, JSON.stringify(configuration(port, folder, htpasswd, options))) // JSON is YAML
    const { profileFolder } = options
    const profiling = profileFolder === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileFolder}`]
    const { pid } = await startServer(t, {
      command: [process.execPath, ...profiling, MAIN, 'serve', '--config', file],
      // Not beside the configuration: dockgate watches that folder.
      logFile: join(await temporaryFolder(t), 'access.log'),
      ready: (program) => program.log().includes('dockgate listens on'),
    })
    return { name: this.name, url: `https://127.0.0.1:${port}`, pids: [pid] }
  },
}

function configuration(port: number, folder: string, htpasswd: string, { tls, root }: SystemOptions): object {
  return {
    listen: [{ address: `127.0.0.1:${port}`, tls: { certificate: tls.certificate, key: tls.key } }],
    admin: { address: '127.0.0.1:0' },
    workers: 1,
    auth: {
      htpasswd: { file: htpasswd },
      token: { ttl: '24h', key: join(folder, 'token.key') },
      groups: { ops: ['alice'], ci: ['ci'] },
    },
    access: [
      { repositories: ['public/**'], pull: ['$anonymous'] },
      {
        repositories: ['team-a/**', 'base/*'],
        pull: ['$authenticated'],
        push: ['alice', '@ci'],
        delete: ['@ops'],
      },
      { repositories: ['users/${user}/**'], push: ['$authenticated'] },
      { catalog: ['$authenticated'] },
    ],
    repositories: { '**': { store: 'main' } },
    stores: { main: { filesystem: { root } } },
    logging: { format: 'json' },
  }
}

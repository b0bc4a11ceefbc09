// The Dockerfile's parts without a container engine: what it copies is there, and what it runs works on that alone.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cp, mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { htpasswdLine } from '../support/htpasswd.ts'
import { DEFAULTS, ROOT, writeConfig } from '../support/gateway.ts'
import { send } from '../support/http.ts'
import { startProcess } from '../support/process.ts'
import { temporaryFolder } from '../support/scope.ts'

test('what the build needs is in the context, and .dockerignore lets nothing else in', async () => {
  const dockerfile = await readFile(join(ROOT, 'Dockerfile'), 'utf8')
  const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, files = '']) =>
    files.split(' '),
  )
  const [everything, ...allowed] = (await readFile(join(ROOT, '.dockerignore'), 'utf8'))
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
  assert.equal(everything, '*')
  assert.deepEqual(new Set(allowed.map((line) => line.slice(1))), new Set(copied))
  await Promise.all(copied.map((file) => stat(join(ROOT, file))))
})

test('the built program serves with its production dependencies, and the health check sees it', async (t) => {
  const folder = await temporaryFolder(t)
  const app = join(folder, 'app')
  await mkdir(join(app, 'node_modules'), { recursive: true })
  const build = ['-p', join(ROOT, 'tsconfig.build.json'), '--outDir', join(app, 'dist')]
  await promisify(execFile)(join(ROOT, 'node_modules/.bin/tsc'), build)
  await cp(join(ROOT, 'package.json'), join(app, 'package.json'))
  const { dependencies } = JSON.parse(await readFile(join(app, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>
  }
  for (const name of Object.keys(dependencies)) {
    const link = join(app, 'node_modules', name)
    await mkdir(dirname(link), { recursive: true }) // that of a scope
    await symlink(join(ROOT, 'node_modules', name), link)
  }
  // apr1 is computed by the worker, a file that nothing imports.
  await writeFile(join(folder, 'htpasswd'), await htpasswdLine('alice', 'secret', 'apr1'))
  await writeConfig(join(folder, 'dockgate.yml'), DEFAULTS)
  const program = await startProcess(t, process.execPath, {
    args: [join(app, 'dist/cli/main.js'), 'serve', '--config', 'dockgate.yml'],
    cwd: folder,
    ready: (started) => started.log().includes('health and metrics on'),
  })
  const [, url = '', admin = ''] = /listens on (\S+); health and metrics on (\S+)/.exec(program.log()) ?? []
  const ca = await readFile(join(folder, 'certs/ca.crt'), 'utf8')
  const account = { username: 'alice', password: 'secret' }
  assert.equal((await send(`${url}/v2/`, { ca, account })).status, 200)
  await promisify(execFile)(process.execPath, await healthCheck(), { env: { ADMIN: admin } })
  await program.stop()
  await assert.rejects(promisify(execFile)(process.execPath, await healthCheck(), { env: { ADMIN: admin } }))
})

/** The arguments of `node` in the image's health check. */
async function healthCheck(): Promise<string[]> {
  const dockerfile = await readFile(join(ROOT, 'Dockerfile'), 'utf8')
  const command = /^HEALTHCHECK[^[]*CMD (\[[^\n]*\])$/m.exec(dockerfile)?.[1] ?? ''
  const [, ...args] = JSON.parse(command) as string[]
  return args
}
